package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const psDescription = `Prints the processes of a container, with the pids that they have for the caller. The
table is that of "ps -ef". Arguments after the ID are options of the ps program of
the host, which is run with them; the lines of its output that are about processes of
the container are printed. JSON is an array of the pids.`

func (p *program) psCommand() *cli.Command {
	var format string
	return &cli.Command{
		Name:        "ps",
		Usage:       "list the processes of a container",
		UsageText:   p.name + " ps [options] ID [ps options]",
		Description: psDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "print in `FORMAT`: table or json"},
		},
		Action: func(c *cli.Context) error {
			args := c.Args().Slice()
			if len(args) == 0 {
				return usage(c, fault.Text("takes the ID of a container"))
			}
			id, options := args[0], args[1:]
			format, options = lateFormat(format, options)
			if format != "table" && format != "json" {
				return &fault.Verb{Verb: "ps", ID: id, Err: badValue("format", format, "table and json")}
			}
			text, err := p.processes(id, format, options)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(p.stdout, text); err != nil {
				return &fault.Verb{Verb: "ps", ID: id, Err: cause(err)}
			}
			return nil
		},
	}
}

// lateFormat takes a --format that follows the id off the options of ps. The program has an option of that name too, and
// -f, but none that takes the words "json" or "table".
func lateFormat(format string, options []string) (string, []string) {
	if len(options) == 0 {
		return format, nil
	}
	isWord := func(s string) bool { return s == "json" || s == "table" }
	name, value, hasValue := strings.Cut(options[0], "=")
	switch {
	case name != "--format" && name != "-f":
	case hasValue && isWord(value):
		return value, options[1:]
	case !hasValue && len(options) > 1 && isWord(options[1]):
		return options[1], options[2:]
	}
	return format, options
}

func (p *program) processes(id, format string, options []string) (string, error) {
	switch {
	case format == "json":
		pids, err := p.containers().Processes(id)
		if err != nil {
			return "", err
		}
		if pids == nil {
			pids = []int{} // an array in any case
		}
		text, err := json.Marshal(pids)
		return string(text) + "\n", err
	case len(options) > 0:
		return p.containers().HostPs(id, options)
	}
	rows, err := p.containers().ProcessTable(id)
	if err != nil {
		return "", err
	}
	return psTable(rows, time.Now()), nil
}

// psTable prints the columns of procps, at its widths: scripts cut them out by position.
func psTable(rows []libcontainer.ProcessRow, now time.Time) string {
	var b strings.Builder
	b.WriteString("UID          PID    PPID  C STIME TTY          TIME CMD\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%-8s %7d %7d %2d %5s %-8s %8s %s\n", shortName(r.User), r.Pid, r.Parent, r.CPU, startTime(r.Started, now), r.TTY, cpuTime(r.Time), r.Command)
	}
	return b.String()
}

// shortName keeps a column of names in its width as ps does, with a sign that there is more.
func shortName(name string) string {
	const width = 8
	if runes := []rune(name); len(runes) > width {
		return string(runes[:width-1]) + "+"
	}
	return name
}

// startTime is the hour within a day, the date within the year, else the year.
func startTime(started, now time.Time) string {
	switch {
	case now.Sub(started) < 24*time.Hour:
		return started.Format("15:04")
	case started.Year() == now.Year():
		return started.Format("Jan02")
	}
	return started.Format("2006")
}

// cpuTime is [days-]hours:minutes:seconds.
func cpuTime(d time.Duration) string {
	seconds := int64(d / time.Second)
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	if days := seconds / 86400; days > 0 {
		return fmt.Sprintf("%d-%s", days, text)
	}
	return text
}
