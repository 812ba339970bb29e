package main

import (
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

// refusedCommand is a verb of runc that tare does not have. Engines offer it to their users whatever the runtime, and show the
// first line that the runtime writes. It fails whatever its arguments are, also --help: Podman asks that way whether the
// runtime has the verb, and takes the words of a missing argument for a yes.
func (p *program) refusedCommand(verb string) *cli.Command {
	return &cli.Command{
		Name:            verb,
		Hidden:          true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			id := c.Args().Get(c.NArg() - 1)
			if strings.HasPrefix(id, "-") {
				id = ""
			}
			return &fault.Verb{Verb: verb, ID: id, Err: &fault.Error{
				Err: fault.ErrNotSupported, Hint: "containers that are to be checkpointed and restored need another runtime, such as runc",
			}}
		},
	}
}
