package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const listDescription = `Prints the containers below the runtime root, also those that an interrupted create
has left behind.`

func (p *program) listCommand() *cli.Command {
	var format string
	var quiet bool
	return &cli.Command{
		Name:        "list",
		Usage:       "list the containers",
		UsageText:   p.name + " list [options]",
		Description: listDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "print in `FORMAT`: table or json"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Destination: &quiet, DisableDefaultText: true,
				Usage: "print only the IDs, one on each line"},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			write, err := listWriter(format, quiet)
			if err != nil {
				return &fault.Verb{Verb: "list", Err: err}
			}
			states, err := p.containers().List()
			if err != nil {
				return err
			}
			out := bufio.NewWriter(p.stdout)
			if err = write(out, states); err == nil {
				err = out.Flush()
			}
			if err != nil {
				return &fault.Verb{Verb: "list", Err: cause(err)}
			}
			return nil
		},
	}
}

// listWriter chooses the output form. It comes before the work, so that a wrong format costs nothing.
func listWriter(format string, quiet bool) (func(io.Writer, []libcontainer.State) error, error) {
	switch {
	case format != "table" && format != "json":
		return nil, badValue("format", format, "table and json")
	case quiet:
		return writeIDs, nil
	case format == "json":
		return writeJSON, nil
	}
	return writeTable, nil
}

func writeIDs(w io.Writer, states []libcontainer.State) error {
	for i := range states {
		if _, err := io.WriteString(w, states[i].ID+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON prints an array in any case, where runc prints null for no containers: a consumer need not tell them apart.
func writeJSON(w io.Writer, states []libcontainer.State) error {
	if states == nil {
		states = []libcontainer.State{}
	}
	return json.NewEncoder(w).Encode(states)
}

// writeTable prints runc's columns; scripts cut them out by position.
func writeTable(w io.Writer, states []libcontainer.State) error {
	t := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprint(t, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for i := range states {
		s := &states[i]
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner)
	}
	return t.Flush() // reports the errors of the writes before it
}
