package main

import (
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const killDescription = `Sends a signal to the init process of a container, TERM if none is given. A signal is
a number from 0 to 64 or a name, with or without SIG, in any case: 9, KILL, sigkill,
RTMIN+3, RTMAX-1. Signal 0 only checks that there is a process.`

func (p *program) killCommand() *cli.Command {
	var o libcontainer.KillOptions
	var regex bool
	return &cli.Command{
		Name:        "kill",
		Usage:       "send a signal to a container",
		UsageText:   p.name + " kill [options] ID [SIGNAL]",
		Description: killDescription,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Destination: &o.All, DisableDefaultText: true,
				Usage: "signal every process in the control group of the container, stopped or not"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Destination: &regex, DisableDefaultText: true,
				Usage: "ID is a regular expression: signal every container whose ID it matches"},
		},
		Action: func(c *cli.Context) error {
			// The signal may be the word of an image, its STOPSIGNAL: nothing behind the id is an option.
			for _, arg := range c.Args().Tail() {
				if strings.HasPrefix(arg, "-") {
					return usage(c, fault.Text("option "+strconv.Quote(arg)+" must come before the container ID"))
				}
			}
			args, err := arguments(c, 1, 2)
			if err != nil {
				return err
			}
			id, name := args[0], "TERM"
			if len(args) == 2 {
				name = args[1]
			}
			if o.Signal, err = parseSignal(name); err != nil {
				return &fault.Verb{Verb: "kill", ID: id, Err: err}
			}
			if regex {
				return p.containers().KillMatching(id, o)
			}
			return p.containers().Kill(id, o)
		},
	}
}
