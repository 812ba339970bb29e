package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func seccomp(d *decoder, v *specs.LinuxSeccomp) {
	object(d, func(name string) {
		switch name {
		case "defaultAction":
			text(d, &v.DefaultAction)
		case "defaultErrnoRet":
			pointer(d, &v.DefaultErrnoRet, unsigned)
		case "architectures":
			texts(d, &v.Architectures)
		case "flags":
			texts(d, &v.Flags)
		case "listenerPath":
			text(d, &v.ListenerPath)
		case "listenerMetadata":
			text(d, &v.ListenerMetadata)
		case "syscalls":
			list(d, &v.Syscalls, syscallRule)
		default:
			d.skip()
		}
	})
}

func syscallRule(d *decoder, v *specs.LinuxSyscall) {
	object(d, func(name string) {
		switch name {
		case "names":
			texts(d, &v.Names)
		case "action":
			text(d, &v.Action)
		case "errnoRet":
			pointer(d, &v.ErrnoRet, unsigned)
		case "args":
			list(d, &v.Args, syscallArg)
		default:
			d.skip()
		}
	})
}

func syscallArg(d *decoder, v *specs.LinuxSeccompArg) {
	object(d, func(name string) {
		switch name {
		case "index":
			unsigned(d, &v.Index)
		case "value":
			unsigned(d, &v.Value)
		case "valueTwo":
			unsigned(d, &v.ValueTwo)
		case "op":
			text(d, &v.Op)
		default:
			d.skip()
		}
	})
}
