package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

// arguments returns the positional arguments of a verb, after checking that there are from least to most of them. The
// first is the container id, which package libcontainer checks.
//
// The parser stops at the first positional argument. Options behind it, as in "delete ID --force", which runc takes, are read
// here: no id begins with a dash.
func arguments(c *cli.Context, least, most int) ([]string, error) {
	var args []string
	rest := c.Args().Slice()
	for len(rest) > 0 {
		arg := rest[0]
		rest = rest[1:]
		if arg == "--" {
			args = append(args, rest...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			args = append(args, arg)
			continue
		}
		var err error
		if rest, err = lateOption(c, arg, rest); err != nil {
			return nil, usage(c, err)
		}
	}
	if len(args) < least || len(args) > most {
		return nil, usage(c, fault.Text("takes "+expected(least, most)+", got "+strconv.Itoa(len(args))))
	}
	return args, nil
}

// lateOption sets one option of the verb, and returns the arguments behind it and its value.
func lateOption(c *cli.Context, arg string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, flag := range c.Command.Flags {
		if !slices.Contains(flag.Names(), name) {
			continue
		}
		taker, ok := flag.(interface{ TakesValue() bool })
		switch {
		case hasValue:
		case ok && !taker.TakesValue():
			value = "true"
		case len(rest) == 0:
			return nil, fault.Text("flag needs an argument: " + arg)
		default:
			value, rest = rest[0], rest[1:]
		}
		if err := c.Set(name, value); err != nil {
			return nil, &fault.Error{Op: arg, Path: value, Err: err}
		}
		return rest, nil
	}
	return nil, fault.Text("flag provided but not defined: " + arg)
}

// expected is a count of arguments in words.
func expected(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case least != most:
		return strconv.Itoa(least) + " or " + strconv.Itoa(most) + " arguments"
	case most == 1:
		return "exactly 1 argument"
	}
	return "exactly " + strconv.Itoa(most) + " arguments"
}

// usage is an error about the command line of a verb; it ends with the form that would have been right.
func usage(c *cli.Context, err error) error {
	return &fault.Verb{Verb: c.Command.Name, Err: &fault.Error{Err: err, Hint: "usage: " + c.Command.UsageText}}
}
