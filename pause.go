package main

import "github.com/urfave/cli/v2"

const pauseDescription = `Stops every process of a created or running container, until it is resumed. If one
does not stop within ten seconds, all go on, and the error names it.`

func (p *program) pauseCommand() *cli.Command {
	return &cli.Command{
		Name:        "pause",
		Usage:       "stop all processes of a container for a while",
		UsageText:   p.name + " pause ID",
		Description: pauseDescription,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return p.containers().Pause(args[0])
		},
	}
}

const resumeDescription = `Lets the processes of a paused container go on. A container that is not paused is left
as it is, and that is an error.`

func (p *program) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:        "resume",
		Usage:       "let the processes of a paused container go on",
		UsageText:   p.name + " resume ID",
		Description: resumeDescription,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return p.containers().Resume(args[0])
		},
	}
}
