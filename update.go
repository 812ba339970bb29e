package main

import (
	"encoding/json"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/urfave/cli/v2"
)

const updateDescription = `Changes limits and device rules of a container that is created, running or paused.
What is not mentioned stays as it is. If a part of the change is refused, all of it
is taken back. The value "unset" removes a limit.`

func (p *program) updateCommand() *cli.Command {
	var o libcontainer.UpdateOptions
	var print bool
	var ignored []string
	flags := []cli.Flag{
		&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Destination: &o.Resources,
			Usage: "read changes of /linux/resources as JSON from `FILE`, or from standard input if it is -; options come on top of it"},
	}
	flags = append(flags, limitFlags(&o.Limits)...)
	flags = append(flags,
		ruleFlag("device-allow", true, &o.DeviceRules, "allow a device: `RULE` is \"c 10:229 rw\" or \"/dev/fuse rw\"; may be repeated"),
		ruleFlag("device-deny", false, &o.DeviceRules, "deny a device, by a `RULE` of the same form; of several, the last one decides"),
		&cli.BoolFlag{Name: "replace-devices", Destination: &o.ReplaceDevices, DisableDefaultText: true,
			Usage: "with --resources, replace the device rules too; without it they stay, because engines repeat those of create"},
		&cli.BoolFlag{Name: "print", Destination: &print, DisableDefaultText: true,
			Usage: "print what is in force now, as JSON for --resources; without other options nothing is changed"},
		&cli.StringFlag{Name: "l3-cache-schema", Destination: &o.L3CacheSchema, Usage: "set the `SCHEMA` of the L3 cache, of a container with linux.intelRdt"},
		&cli.StringFlag{Name: "mem-bw-schema", Destination: &o.MemBwSchema, Usage: "set the `SCHEMA` of memory bandwidth, of a container with linux.intelRdt"},
		ignoredFlag("kernel-memory", &ignored), ignoredFlag("kernel-memory-tcp", &ignored),
	)
	return &cli.Command{
		Name:        "update",
		Usage:       "change the limits of a container",
		UsageText:   p.name + " update [options] ID",
		Description: updateDescription,
		Flags:       flags,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			id := args[0]
			for _, name := range ignored {
				p.log.warning("update " + id + ": --" + name + " is ignored; Linux has no such limit any more")
			}
			if !print && len(ignored) == 0 && o.Empty() {
				return usage(c, fault.Text("no change is asked for"))
			}
			now, err := p.containers().Update(id, &o)
			if err != nil || !print {
				return err
			}
			encoder := json.NewEncoder(p.stdout)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(now); err != nil {
				return &fault.Verb{Verb: "update", ID: id, Err: cause(err)}
			}
			return nil
		},
	}
}

// limitFlags are runc's options for single limits. Each appends to list.
func limitFlags(list *[]libcontainer.LimitFlag) []cli.Flag {
	var flags []cli.Flag
	for _, f := range [...]struct {
		name, pointer string
		read          func(string) (string, error)
		usage         string
	}{
		{"memory", "/memory/limit", notZero(bytesJSON), "limit memory to `BYTES`, such as 512m; -1 is no limit, and drops that of --memory-swap"},
		{"memory-reservation", "/memory/reservation", zeroUnsets(bytesJSON), "reserve `BYTES` of memory"},
		{"memory-swap", "/memory/swap", notZero(bytesJSON), "limit memory and swap together to `BYTES`; -1 is no limit of swap"},
		{"cpu-period", "/cpu/period", zeroUnsets(numberJSON), "count --cpu-quota over `MICROSECONDS`"},
		{"cpu-quota", "/cpu/quota", notZero(numberJSON), "limit CPU time in each period to `MICROSECONDS`; -1 is no limit"},
		{"cpu-burst", "/cpu/burst", numberJSON, "let `MICROSECONDS` of unused quota be kept for later"},
		{"cpu-share", "/cpu/shares", notZero(numberJSON), "set the relative weight of the container, where 1024 is usual, to `N`"},
		{"cpu-idle", "/cpu/idle", numberJSON, "`1` leaves it only CPU time that nobody else wants, 0 ends that"},
		{"cpu-rt-period", "/cpu/realtimePeriod", zeroUnsets(numberJSON), "count --cpu-rt-runtime over `MICROSECONDS`; cgroup v1 only"},
		{"cpu-rt-runtime", "/cpu/realtimeRuntime", zeroUnsets(numberJSON), "limit real-time CPU time in each period to `MICROSECONDS`; cgroup v1 only"},
		{"cpuset-cpus", "/cpu/cpus", listJSON, "run on these `CPUS`, such as 0-2,7"},
		{"cpuset-mems", "/cpu/mems", listJSON, "use memory of these `NODES`, such as 0"},
		{"pids-limit", "/pids/limit", numberJSON, "limit processes and threads to `N`; -1 is no limit"},
		{"blkio-weight", "/blockIO/weight", notZero(numberJSON), "set the relative weight of block I/O to `N`, from 10 to 1000"},
	} {
		flags = append(flags, &cli.GenericFlag{Name: f.name, Usage: f.usage, Value: &listValue{func(text string) error {
			value, err := f.read(text)
			if err == nil {
				*list = append(*list, libcontainer.LimitFlag{Flag: "--" + f.name, Pointer: f.pointer, Value: value})
			}
			return err
		}}})
	}
	return flags
}

// ruleFlag appends to a list that it shares with others, in the order of the command line.
func ruleFlag(name string, allow bool, list *[]libcontainer.DeviceRuleFlag, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &listValue{func(text string) error {
		*list = append(*list, libcontainer.DeviceRuleFlag{Flag: "--" + name, Allow: allow, Rule: text})
		return nil
	}}}
}

// ignoredFlag notes that an option without effect was given.
func ignoredFlag(name string, given *[]string) cli.Flag {
	return &cli.GenericFlag{Name: name, Hidden: true, Value: &listValue{func(string) error {
		*given = append(*given, name)
		return nil
	}}}
}

// listValue is a flag that may be given more than once, each time with an effect of its own.
type listValue struct{ add func(text string) error }

func (v *listValue) Set(text string) error { return v.add(text) }
func (v *listValue) String() string        { return "" }
