package main

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

const stateDescription = `Prints the state of a container as JSON. The status is creating, created, running,
paused or stopped; the pid of a stopped container is 0.`

func (p *program) stateCommand() *cli.Command {
	return &cli.Command{
		Name:        "state",
		Usage:       "print the state of a container",
		UsageText:   p.name + " state ID",
		Description: stateDescription,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			state, err := p.containers().State(args[0])
			if err != nil {
				return err
			}
			if _, err = p.stdout.Write(append(appendState(nil, state), '\n')); err != nil {
				return &fault.Verb{Verb: "state", ID: args[0], Err: cause(err)}
			}
			return nil
		},
	}
}
