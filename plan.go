package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const planDescription = `Prints the steps of a create and of the start after it, in order, and takes none of
them: those of the runtime, and those of init inside the container, with the entry of
config.json that asks for each. It compiles the same plan as create. What it says of this host, such as the path
of the control group, holds for the moment.`

func (p *program) planCommand() *cli.Command {
	var o libcontainer.CreateOptions
	var format string
	return &cli.Command{
		Name:        "plan",
		Usage:       "print the steps of a create and start",
		UsageText:   p.name + " plan [options] [ID]",
		Description: planDescription,
		Flags:       append(createFlags(&o), textOrJSON(&format)),
		Action: func(c *cli.Context) error {
			id, err := imaginaryID(c, format)
			if err != nil {
				return err
			}
			o.ID = id
			if err := preserveFDs(&o.PreserveFDs, &o.Env); err != nil {
				return &fault.Verb{Verb: "plan", ID: id, Err: err}
			}
			steps, err := p.containers().Plan(o)
			if err != nil {
				return err
			}
			text := planText(steps)
			if format == formatJSON {
				if text, err = planJSON(id, steps); err != nil {
					return &fault.Verb{Verb: "plan", ID: id, Err: err}
				}
			}
			if _, err := io.WriteString(p.stdout, text); err != nil {
				return &fault.Verb{Verb: "plan", ID: id, Err: cause(err)}
			}
			return nil
		},
	}
}

func side(s *libcontainer.PlannedStep) string {
	if s.Init {
		return "init"
	}
	return "runtime"
}

// planText has a line for each step: number, side, name, members, and what asked for it.
func planText(steps []libcontainer.PlannedStep) string {
	var b strings.Builder
	for i := range steps {
		s := &steps[i]
		fmt.Fprintf(&b, "%3d  %-7s  %s", i+1, side(s), s.Name)
		if len(s.Members) > 0 {
			b.WriteString(" " + s.Members.String())
		}
		if s.Pointer != "" {
			b.WriteString("  # " + s.Pointer)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// planJSON is an object, so that more can be said one day.
func planJSON(id string, steps []libcontainer.PlannedStep) (string, error) {
	type step struct {
		Side    string `json:"side"`
		Name    string `json:"step"`
		Pointer string `json:"pointer,omitempty"`
		Members any    `json:"members,omitempty"`
	}
	list := make([]step, len(steps))
	for i := range steps {
		s := &steps[i]
		list[i] = step{Side: side(s), Name: s.Name, Pointer: s.Pointer}
		if len(s.Members) > 0 {
			list[i].Members = s.Members
		}
	}
	text, err := json.MarshalIndent(struct {
		ID    string `json:"id"`
		Steps []step `json:"steps"`
	}{id, list}, "", "  ")
	return string(text) + "\n", err
}
