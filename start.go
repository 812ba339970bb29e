package main

import "github.com/urfave/cli/v2"

const startDescription = `Runs the program of a created container, and returns once it runs and the poststart
hooks have ended. A container that is not in the state created is left as it is. With
NOTIFY_SOCKET it waits until the program is ready, or has ended.`

func (p *program) startCommand() *cli.Command {
	return &cli.Command{
		Name:        "start",
		Usage:       "run the program of a created container",
		UsageText:   p.name + " start ID",
		Description: startDescription,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return p.containers().Start(args[0])
		},
	}
}
