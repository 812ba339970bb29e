package main

import (
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/urfave/cli/v2"
)

// arguments returns the positional arguments of a verb, after checking that there are from least to most of them. The
// first is the container id, which package libcontainer checks.
//
// The parser stops at the first positional argument, so an option after the id arrives here as an argument. It is named in
// an error of its own: taken for anything else it would be a wrong signal, or one argument too many.
func arguments(c *cli.Context, least, most int) ([]string, error) {
	args := c.Args().Slice()
	for i, arg := range args {
		if i > 0 && strings.HasPrefix(arg, "-") {
			return nil, usage(c, fault.Text("option "+strconv.Quote(arg)+" must come before the container ID"))
		}
	}
	if len(args) < least || len(args) > most {
		return nil, usage(c, fault.Text("takes "+expected(least, most)+", got "+strconv.Itoa(len(args))))
	}
	return args, nil
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
