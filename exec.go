package main

import (
	"strconv"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const execDescription = `Runs a program in a container that has been created or runs, in its namespaces and
control group, with its seccomp filter. Without --process it is the container's own
process, as config.json had it at create, with other arguments and without a terminal;
the options change that, or the process of the file. In the foreground signals are
passed on, and the exit status is that of the program, or 128+N if signal N killed it.
It is 255 if the program could not be run.`

// execFailure is the status of an exec that could not be done: small ones are the program's.
const execFailure = 255

func (p *program) execCommand() *cli.Command {
	var o libcontainer.ExecOptions
	return &cli.Command{
		Name:        "exec",
		Usage:       "run a program in a container",
		UsageText:   p.name + " exec [options] ID PROGRAM [ARGUMENTS]",
		Description: execDescription,
		Flags:       append(processFlags(&o.Process), execFlags(&o)...),
		Action: func(c *cli.Context) error {
			p.failure = execFailure
			if err := finishExecOptions(c, &o); err != nil {
				return err
			}
			status, err := p.containers().Exec(o)
			p.status = status
			return err
		},
	}
}

// processFlags say what is executed, and as whom.
func processFlags(f *libcontainer.ProcessFlags) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Destination: &f.File,
			Usage: "execute the process that `FILE` holds, JSON like /process of config.json"},
		&cli.StringFlag{Name: "cwd", Destination: &f.Cwd, Usage: "begin in the directory `PATH` of the container"},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set the variable `NAME=VALUE`; may be repeated"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Destination: &f.User, Usage: "run as `UID[:GID]`, numbers of the container"},
		&cli.StringSliceFlag{Name: "additional-gids", Aliases: []string{"g"}, Usage: "be a member of the group `GID` too; may be repeated"},
		&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"},
			Usage: "add the capability `CAP` to the bounding, effective and permitted sets; may be repeated"},
		&cli.BoolFlag{Name: "no-new-privs", Destination: &f.NoNewPrivs, DisableDefaultText: true, Usage: "set no_new_privs"},
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Destination: &f.Tty, DisableDefaultText: true, Usage: "allocate a terminal"},
		&cli.StringFlag{Name: "process-label", Destination: &f.ProcessLabel, Usage: "run with the SELinux context `LABEL`"},
		&cli.StringFlag{Name: "apparmor", Destination: &f.Apparmor, Usage: "run with the AppArmor profile `NAME`"},
	}
}

// execFlags say how, and what the caller gets.
func execFlags(o *libcontainer.ExecOptions) []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach, DisableDefaultText: true,
			Usage: "return once the program runs"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the pid of the program to `FILE`"},
		&cli.StringFlag{Name: "console-socket", Destination: &o.ConsoleSocket,
			Usage: "send the master of the terminal to the AF_UNIX stream socket `PATH`"},
		&cli.StringFlag{Name: "pidfd-socket", Destination: &o.PidfdSocket,
			Usage: "send a pidfd of the program to the AF_UNIX stream socket `PATH`"},
		&cli.StringSliceFlag{Name: "cgroup",
			Usage: "run in the cgroup `[CONTROLLERS:]PATH` below the container's; repeatable for the controllers of cgroup v1"},
		&cli.BoolFlag{Name: "ignore-paused", Destination: &o.IgnorePaused, DisableDefaultText: true,
			Usage: "wait in a paused container until it is resumed, instead of failing"},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.PreserveFDs, DefaultText: "0",
			Usage: "pass `N` descriptors, 3 to 2+N, on to the program; those of LISTEN_FDS count on top"},
		&cli.BoolFlag{Name: "no-subreaper", Hidden: true, Usage: "what exec always does: it adopts no orphans"},
	}
}

// finishExecOptions fills in what flags alone cannot say.
func finishExecOptions(c *cli.Context, o *libcontainer.ExecOptions) error {
	args := c.Args().Slice()
	switch {
	case len(args) == 0:
		return usage(c, fault.Text("takes the ID of a container"))
	case len(args) == 1 && o.Process.File == "":
		return usage(c, fault.Text("takes a program to run, or --process"))
	}
	o.ID, o.Process.Args = args[0], args[1:]
	err := preserveFDs(&o.PreserveFDs, &o.Env)
	if err == nil {
		o.Process.AdditionalGids, err = groupIDs(c.StringSlice("additional-gids"))
	}
	if err != nil {
		return &fault.Verb{Verb: "exec", ID: o.ID, Err: err}
	}
	o.Process.Env = c.StringSlice("env")
	o.Process.Caps = c.StringSlice("cap")
	o.Cgroups = c.StringSlice("cgroup")
	return nil
}

func groupIDs(list []string) (ids []uint32, err error) {
	for _, text := range list {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n == 1<<32-1 {
			return nil, &fault.Error{Op: "--additional-gids", Path: text, Err: fault.Text("is not a GID"), Hint: "ids are decimal numbers from 0 to 4294967294"}
		}
		ids = append(ids, uint32(n))
	}
	return ids, nil
}
