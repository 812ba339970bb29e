package main

import (
	"encoding/json"
	"time"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const eventsDescription = `Prints what happens to a container until its init process has ended: statistics at
once and at each interval, and in between what the kernel reports. In JSON each
event is one line {"type", "id", "data"}; the types are stats, oom, oom_kill (which
process that was), memory (a limit took effect) and exit (the last one, with status
and cause). As OpenMetrics each set of statistics is a text that ends with "# EOF".`

func (p *program) eventsCommand() *cli.Command {
	var interval time.Duration
	var once bool
	var format string
	return &cli.Command{
		Name:        "events",
		Usage:       "print the events and statistics of a container",
		UsageText:   p.name + " events [options] ID",
		Description: eventsDescription,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Destination: &interval, Value: 5 * time.Second,
				Usage: "print statistics each `TIME`, such as 500ms or 2m"},
			&cli.BoolFlag{Name: "stats", Destination: &once, DisableDefaultText: true,
				Usage: "print the statistics of now and end"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "json",
				Usage: "print in `FORMAT`: json or openmetrics"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			id := args[0]
			emit, err := p.eventWriter(format)
			if err == nil && interval <= 0 {
				err = badValue("interval", interval.String(), "times greater than 0")
			}
			if err != nil {
				return &fault.Verb{Verb: "events", ID: id, Err: err}
			}
			if !once {
				return p.containers().Events(id, interval, emit)
			}
			statistics, err := p.containers().Statistics(id)
			if err != nil {
				return err
			}
			if err := emit(&libcontainer.Event{Type: libcontainer.EventStats, ID: id, Data: statistics}); err != nil {
				return &fault.Verb{Verb: "events", ID: id, Err: err}
			}
			return nil
		},
	}
}

// eventWriter chooses the output form. Each event is one write, so that a reader never sees half of one.
func (p *program) eventWriter(format string) (func(*libcontainer.Event) error, error) {
	switch format {
	case "json":
		return func(e *libcontainer.Event) error {
			line, err := json.Marshal(e)
			if err == nil {
				_, err = p.stdout.Write(append(line, '\n'))
			}
			return cause(err)
		}, nil
	case "openmetrics":
		return func(e *libcontainer.Event) error {
			statistics, ok := e.Data.(*libcontainer.Statistics)
			if !ok {
				return nil // the counters of the next statistics tell it
			}
			_, err := p.stdout.Write(openMetrics(e.ID, statistics))
			return cause(err)
		}, nil
	}
	return nil, badValue("format", format, "json and openmetrics")
}
