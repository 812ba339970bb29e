package main

import (
	"errors"
	"io/fs"
)

// exitFailure is the status of every error of our own but those of exec. run and exec end with the status of the program,
// once that has run.
const exitFailure = 1

// run carries out one command line and returns the exit status. It is the only place that reports an error: verbs return
// theirs, and the errors of package libcontainer are whole lines, `create web1: ...`.
func (p *program) run(args []string) int {
	defer p.log.close()
	if err := p.app().Run(args); err != nil {
		p.log.fatal(err)
		return p.failure
	}
	return p.status
}

// cause takes the errno out of an error of package os, whose operation and path a fault.Error says in its own way.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
