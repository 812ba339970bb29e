package main

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const createDescription = `Does everything but run the program: when create returns, the container has its
namespaces, control group, mounts and identity, and a process waits in it for
start. If create fails, nothing of the container is left. The standard streams of
create become those of the program.`

func (p *program) createCommand() *cli.Command {
	var o libcontainer.CreateOptions
	return &cli.Command{
		Name:        "create",
		Usage:       "create a container",
		UsageText:   p.name + " create [options] ID",
		Description: createDescription,
		Flags: append(createFlags(&o),
			&cli.BoolFlag{Name: "no-subreaper", Hidden: true, Usage: "what create always does: it adopts no orphans"}),
		Action: func(c *cli.Context) error {
			if err := finishCreateOptions(c, &o); err != nil {
				return err
			}
			return p.containers().Create(o)
		},
	}
}

// createFlags are the flags that create and run share. They write straight into the options.
func createFlags(o *libcontainer.CreateOptions) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Destination: &o.Bundle, Value: ".",
			Usage: "the bundle is `DIR`", DefaultText: "working directory"},
		&cli.StringFlag{Name: "config", Aliases: []string{"f"}, Destination: &o.Config,
			Usage: "read the configuration from `FILE`", DefaultText: "config.json in the bundle"},
		&cli.StringFlag{Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the master of the terminal to the AF_UNIX stream socket `PATH`"},
		&cli.StringFlag{Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "send a pidfd of the init process to the AF_UNIX stream socket `PATH`"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile,
			Usage: "write the pid of the init process to `FILE`"},
		&cli.StringFlag{Name: "overlay", Destination: &o.Overlay,
			Usage: "leave the root as it is, and have writes go to `PLACE`: tmpfs, tmpfs:size=64m, or a directory"},
		&cli.BoolFlag{Name: "no-pivot", Destination: &o.NoPivot, DisableDefaultText: true,
			Usage: "enter the root by a moved mount and chroot, for a host that runs from an initramfs"},
		&cli.BoolFlag{Name: "no-new-keyring", Destination: &o.NoNewKeyring, DisableDefaultText: true,
			Usage: "stay in the caller's session keyring"},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.PreserveFDs, DefaultText: "0",
			Usage: "pass `N` descriptors, 3 to 2+N, on to the program; those of LISTEN_FDS count on top"},
	}
}

// finishCreateOptions fills in what flags alone cannot say.
func finishCreateOptions(c *cli.Context, o *libcontainer.CreateOptions) error {
	args, err := arguments(c, 1, 1)
	if err != nil {
		return err
	}
	o.ID = args[0]
	if err := preserveFDs(&o.PreserveFDs, &o.Env); err != nil {
		return &fault.Verb{Verb: c.Command.Name, ID: o.ID, Err: err}
	}
	return nil
}
