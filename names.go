package main

import "github.com/urfave/cli/v2"

// plainFlag is a flag of urfave/cli whose names are computed once. The library runs a regular expression over them each
// time it asks, and it asks a few hundred times for one command line: half of the time that parsing takes.
type plainFlag struct {
	documentedFlag
	names []string
}

// documentedFlag is what the library wants to know of a flag for parsing and for help.
type documentedFlag interface {
	cli.DocGenerationFlag
	cli.CategorizableFlag
}

func (f *plainFlag) Names() []string { return f.names }

// withPlainNames wraps the kinds of flags that this program has.
func withPlainNames(flags []cli.Flag) []cli.Flag {
	for i, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			flags[i] = &plainFlag{f, append([]string{f.Name}, f.Aliases...)}
		case *cli.BoolFlag:
			flags[i] = &plainFlag{f, append([]string{f.Name}, f.Aliases...)}
		case *cli.DurationFlag:
			flags[i] = &plainFlag{f, append([]string{f.Name}, f.Aliases...)}
		case *cli.GenericFlag:
			flags[i] = &plainFlag{f, append([]string{f.Name}, f.Aliases...)}
		case *cli.IntFlag:
			flags[i] = &plainFlag{f, append([]string{f.Name}, f.Aliases...)}
		}
	}
	return flags
}
