package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/urfave/cli/v2"
)

const specDescription = `Writes a configuration to begin with. It runs "sh" in a terminal, with the root
filesystem expected in the directory rootfs of the bundle. An existing file is never
overwritten.`

func (p *program) specCommand() *cli.Command {
	var bundle, file string
	var rootless bool
	return &cli.Command{
		Name:        "spec",
		Usage:       "write a config.json to begin with",
		UsageText:   p.name + " spec [options]",
		Description: specDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: &bundle, Value: ".",
				Usage: "the bundle is `DIR`", DefaultText: "working directory"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &file, Value: "config.json",
				Usage: "write `FILE`; a relative name is one in the bundle"},
			&cli.BoolFlag{Name: "rootless", Destination: &rootless, DisableDefaultText: true,
				Usage: "for a user without privileges: a user namespace that maps this user to root"},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if !filepath.IsAbs(file) {
				file = filepath.Join(bundle, file)
			}
			if err := writeSpec(file, rootless); err != nil {
				return &fault.Verb{Verb: "spec", Err: err}
			}
			return nil
		},
	}
}

// writeSpec writes the template to a new file. O_EXCL refuses what exists, links included, without a race. A file that
// could not be written whole is removed again.
func writeSpec(path string, rootless bool) error {
	text, err := json.MarshalIndent(spec.Template(rootless), "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if os.IsExist(err) {
		return &fault.Error{Op: "create", Path: path, Err: cause(err), Hint: "remove it first, or name another one with --file"}
	}
	if err != nil {
		return &fault.Error{Op: "create", Path: path, Err: cause(err)}
	}
	_, err = f.Write(append(text, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(path) // the write error is the one to report
		return &fault.Error{Op: "write", Path: path, Err: cause(err)}
	}
	return nil
}
