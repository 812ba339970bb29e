package main

import (
	"os"
	"runtime"

	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

// initName is argv[0] of the container's side, where this binary is its own init image (package launch). It is set by
// create and start alone; by hand there is no socket to read a plan from, and initproc ends at once.
const initName = "tare-init"

// init does the one thing that main is too late for: only a lock that is taken during initialisation is sure to be on the
// main thread, and the main thread is the one that becomes the program (initproc, I5).
func init() {
	if os.Args[0] == initName {
		runtime.LockOSThread()
	}
}

// initCommand answers whoever types the name of the container's side, which runc has as a command. Ours is none, so there
// is nothing here that a user, or a wrong config.json, could start by hand.
func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:            "init",
		Hidden:          true,
		HideHelp:        true,
		SkipFlagParsing: true,
		Action: func(*cli.Context) error {
			return &fault.Verb{Verb: "init", Err: &fault.Error{
				Err:  fault.Text("is not a command for users"),
				Hint: "use create or run, which start it inside a new container",
			}}
		},
	}
}
