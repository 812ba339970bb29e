package main

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/features"
	"github.com/urfave/cli/v2"
)

const featuresDescription = `Prints what this runtime understands as JSON, in the form of the specification
(features.md). Engines ask before they use a feature. It needs no privileges and no
runtime root.`

func (p *program) featuresCommand() *cli.Command {
	return &cli.Command{
		Name:        "features",
		Usage:       "print what this runtime understands",
		UsageText:   p.name + " features",
		Description: featuresDescription,
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			document, err := features.Document(version, gitCommit)
			if err == nil {
				_, err = p.stdout.Write(append(document, '\n'))
			}
			if err != nil {
				return &fault.Verb{Verb: "features", Err: cause(err)}
			}
			return nil
		},
	}
}
