package main

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

const mountsDescription = `Adds mounts to a container that is created, running or paused, or takes mounts away.
FILE, or standard input if it is -, has a list as at "mounts" in config.json, or an
object with such a list. Either all of it is done or nothing. remove looks at the
destinations alone.`

func (p *program) mountsCommand() *cli.Command {
	return &cli.Command{
		Name:        "mounts",
		Usage:       "add mounts to a container, or take them away",
		UsageText:   p.name + " mounts add|remove ID FILE",
		Description: mountsDescription,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 3, 3)
			if err != nil {
				return err
			}
			switch action, id, file := args[0], args[1], args[2]; action {
			case "add":
				return p.containers().AddMounts(id, file)
			case "remove":
				return p.containers().RemoveMounts(id, file)
			default:
				return usage(c, &fault.Error{Path: action, Err: fault.Text("must be add or remove")})
			}
		},
	}
}
