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

const checkDescription = `Reports every problem of a bundle at once, with JSON pointers, and changes nothing:
values of a wrong type or out of range, settings that contradict each other, and what
this host lacks: namespaces, controllers, file systems, files. What is ignored,
unknown members above all, is a warning. The status is 1 if there are errors, and 0
if there are none or only warnings. The ID is the one that the container would get.`

func (p *program) checkCommand() *cli.Command {
	o := libcontainer.CreateOptions{}
	var format string
	return &cli.Command{
		Name:        "check",
		Usage:       "report all problems of a bundle",
		UsageText:   p.name + " check [options] [ID]",
		Description: checkDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle, Value: ".",
				Usage: "the bundle is `DIR`", DefaultText: "working directory"},
			&cli.StringFlag{Name: "config", Aliases: []string{"f"}, Destination: &o.Config,
				Usage: "read the configuration from `FILE`", DefaultText: "config.json in the bundle"},
			textOrJSON(&format),
		},
		Action: func(c *cli.Context) error {
			id, err := imaginaryID(c, format)
			if err != nil {
				return err
			}
			o.ID = id
			problems, err := p.containers().Check(o)
			if err != nil {
				return err
			}
			text, errors := checkText(problems), countErrors(problems)
			if format == formatJSON {
				text = checkJSON(problems)
			}
			if errors > 0 {
				p.status = 1
			}
			if _, err := io.WriteString(p.stdout, text); err != nil {
				return &fault.Verb{Verb: "check", Err: cause(err)}
			}
			return nil
		},
	}
}

// textOrJSON is the flag of the verbs that describe a bundle.
func textOrJSON(format *string) cli.Flag {
	return &cli.StringFlag{Name: "format", Destination: format, Value: formatText, Usage: "print in `FORMAT`: text or json"}
}

// imaginaryID is the id of a container that does not exist: the one that was given, or a word in its place. An unknown
// format is refused.
func imaginaryID(c *cli.Context, format string) (string, error) {
	args, err := arguments(c, 0, 1)
	if err != nil {
		return "", err
	}
	if format != formatText && format != formatJSON {
		return "", &fault.Verb{Verb: c.Command.Name, Err: badValue("format", format, "text and json")}
	}
	if len(args) == 0 {
		return "container", nil
	}
	return args[0], nil
}

func countErrors(problems []libcontainer.Problem) int {
	n := 0
	for _, p := range problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

func severity(p libcontainer.Problem) string {
	if p.Warning {
		return "warning"
	}
	return "error"
}

// checkText has a line for each problem and one that counts them.
func checkText(problems []libcontainer.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s\n", severity(p), p.Text)
	}
	errors := countErrors(problems)
	fmt.Fprintf(&b, "%s, %s\n", plural(errors, "error"), plural(len(problems)-errors, "warning"))
	return b.String()
}

func plural(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprint(n) + " " + what + "s"
}

// checkJSON is an object, so that more can be said one day. Its message has no pointer and no hint in it, as they are
// members of their own.
func checkJSON(problems []libcontainer.Problem) string {
	type problem struct {
		Severity string `json:"severity"`
		Pointer  string `json:"pointer,omitempty"`
		Message  string `json:"message"`
		Hint     string `json:"hint,omitempty"`
	}
	list := make([]problem, 0, len(problems)) // an array in any case
	for _, p := range problems {
		bare := *p.Error
		bare.File, bare.Pointer, bare.Hint = "", "", ""
		list = append(list, problem{severity(p), p.Error.Pointer, bare.Error(), p.Error.Hint})
	}
	errors := countErrors(problems)
	text, _ := json.MarshalIndent(map[string]any{ // strings and numbers: it cannot fail
		"problems": list, "errors": errors, "warnings": len(problems) - errors,
	}, "", "  ")
	return string(text) + "\n"
}
