package main

import "github.com/urfave/cli/v2"

const deleteDescription = `Removes a stopped container and everything that create made for it, and nothing else.
What an interrupted create or delete has left is removed as well.`

func (p *program) deleteCommand() *cli.Command {
	var force, regex bool
	return &cli.Command{
		Name:        "delete",
		Usage:       "remove a container",
		UsageText:   p.name + " delete [options] ID",
		Description: deleteDescription,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Destination: &force, DisableDefaultText: true,
				Usage: "kill the container first if it runs; no error if there is none"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Destination: &regex, DisableDefaultText: true,
				Usage: "ID is a regular expression: remove every container whose ID it matches"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			if regex {
				return p.containers().DeleteMatching(args[0], force)
			}
			return p.containers().Delete(args[0], force)
		},
	}
}
