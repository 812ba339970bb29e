package main

import (
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const runDescription = `Creates a container, starts it, waits for its program and deletes it. Signals that
arrive meanwhile are passed on. The exit status is that of the program, or 128+N if
signal N killed it; it is 1 if the container could not be run.`

func (p *program) runCommand() *cli.Command {
	var o libcontainer.RunOptions
	return &cli.Command{
		Name:        "run",
		Usage:       "create, start, wait for and delete a container",
		UsageText:   p.name + " run [options] ID",
		Description: runDescription,
		Flags: append(createFlags(&o.CreateOptions),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, DisableDefaultText: true,
				Usage: "return once the program runs; kill and delete are then up to the caller"},
			&cli.BoolFlag{Name: "keep", Destination: &o.Keep, DisableDefaultText: true,
				Usage: "do not delete the container when its program has ended"},
			&cli.BoolFlag{Name: "no-subreaper", Destination: &o.NoSubreaper, DisableDefaultText: true,
				Usage: "do not adopt orphans of the container (PR_SET_CHILD_SUBREAPER)"},
		),
		Action: func(c *cli.Context) error {
			if err := finishCreateOptions(c, &o.CreateOptions); err != nil {
				return err
			}
			status, err := p.containers().Run(o)
			p.status = status
			return err
		},
	}
}
