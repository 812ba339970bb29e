package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func process(d *decoder, v *specs.Process) {
	object(d, func(name string) {
		switch name {
		case "terminal":
			boolean(d, &v.Terminal)
		case "consoleSize":
			pointer(d, &v.ConsoleSize, box)
		case "user":
			user(d, &v.User)
		case "args":
			texts(d, &v.Args)
		case "commandLine":
			text(d, &v.CommandLine)
		case "env":
			texts(d, &v.Env)
		case "cwd":
			text(d, &v.Cwd)
		case "capabilities":
			pointer(d, &v.Capabilities, capabilitySets)
		case "rlimits":
			list(d, &v.Rlimits, rlimit)
		case "noNewPrivileges":
			boolean(d, &v.NoNewPrivileges)
		case "apparmorProfile":
			text(d, &v.ApparmorProfile)
		case "oomScoreAdj":
			pointer(d, &v.OOMScoreAdj, signed)
		case "scheduler":
			pointer(d, &v.Scheduler, scheduler)
		case "selinuxLabel":
			text(d, &v.SelinuxLabel)
		case "ioPriority":
			pointer(d, &v.IOPriority, ioPriority)
		case "execCPUAffinity":
			pointer(d, &v.ExecCPUAffinity, cpuAffinity)
		default:
			d.skip()
		}
	})
}

func box(d *decoder, v *specs.Box) {
	object(d, func(name string) {
		switch name {
		case "height":
			unsigned(d, &v.Height)
		case "width":
			unsigned(d, &v.Width)
		default:
			d.skip()
		}
	})
}

func user(d *decoder, v *specs.User) {
	object(d, func(name string) {
		switch name {
		case "uid":
			unsigned(d, &v.UID)
		case "gid":
			unsigned(d, &v.GID)
		case "umask":
			pointer(d, &v.Umask, unsigned)
		case "additionalGids":
			list(d, &v.AdditionalGids, unsigned)
		case "username":
			text(d, &v.Username)
		default:
			d.skip()
		}
	})
}

func capabilitySets(d *decoder, v *specs.LinuxCapabilities) {
	object(d, func(name string) {
		switch name {
		case "bounding":
			texts(d, &v.Bounding)
		case "effective":
			texts(d, &v.Effective)
		case "inheritable":
			texts(d, &v.Inheritable)
		case "permitted":
			texts(d, &v.Permitted)
		case "ambient":
			texts(d, &v.Ambient)
		default:
			d.skip()
		}
	})
}

func rlimit(d *decoder, v *specs.POSIXRlimit) {
	object(d, func(name string) {
		switch name {
		case "type":
			text(d, &v.Type)
		case "hard":
			unsigned(d, &v.Hard)
		case "soft":
			unsigned(d, &v.Soft)
		default:
			d.skip()
		}
	})
}

func scheduler(d *decoder, v *specs.Scheduler) {
	object(d, func(name string) {
		switch name {
		case "policy":
			text(d, &v.Policy)
		case "nice":
			signed(d, &v.Nice)
		case "priority":
			signed(d, &v.Priority)
		case "flags":
			texts(d, &v.Flags)
		case "runtime":
			unsigned(d, &v.Runtime)
		case "deadline":
			unsigned(d, &v.Deadline)
		case "period":
			unsigned(d, &v.Period)
		default:
			d.skip()
		}
	})
}

func ioPriority(d *decoder, v *specs.LinuxIOPriority) {
	object(d, func(name string) {
		switch name {
		case "class":
			text(d, &v.Class)
		case "priority":
			signed(d, &v.Priority)
		default:
			d.skip()
		}
	})
}

func cpuAffinity(d *decoder, v *specs.CPUAffinity) {
	object(d, func(name string) {
		switch name {
		case "initial":
			text(d, &v.Initial)
		case "final":
			text(d, &v.Final)
		default:
			d.skip()
		}
	})
}
