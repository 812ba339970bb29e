package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func config(d *decoder, v *specs.Spec) {
	object(d, func(name string) {
		switch name {
		case "ociVersion":
			text(d, &v.Version)
		case "process":
			pointer(d, &v.Process, process)
		case "root":
			pointer(d, &v.Root, root)
		case "hostname":
			text(d, &v.Hostname)
		case "domainname":
			text(d, &v.Domainname)
		case "mounts":
			list(d, &v.Mounts, mount)
		case "hooks":
			pointer(d, &v.Hooks, hooks)
		case "annotations":
			table(d, &v.Annotations, text)
		case "linux":
			pointer(d, &v.Linux, linux)
		case "solaris":
			pointer(d, &v.Solaris, present)
		case "windows":
			pointer(d, &v.Windows, present)
		case "vm":
			pointer(d, &v.VM, present)
		case "zos":
			pointer(d, &v.ZOS, present)
		case "freebsd":
			pointer(d, &v.FreeBSD, present)
		default:
			d.skip()
		}
	})
}

// present notes that a section is there; what it says is for another platform.
func present[T any](d *decoder, _ *T) { d.pass() }

func root(d *decoder, v *specs.Root) {
	object(d, func(name string) {
		switch name {
		case "path":
			text(d, &v.Path)
		case "readonly":
			boolean(d, &v.Readonly)
		default:
			d.skip()
		}
	})
}

func mount(d *decoder, v *specs.Mount) {
	object(d, func(name string) {
		switch name {
		case "destination":
			text(d, &v.Destination)
		case "type":
			text(d, &v.Type)
		case "source":
			text(d, &v.Source)
		case "options":
			texts(d, &v.Options)
		case "uidMappings":
			list(d, &v.UIDMappings, idMapping)
		case "gidMappings":
			list(d, &v.GIDMappings, idMapping)
		default:
			d.skip()
		}
	})
}

func idMapping(d *decoder, v *specs.LinuxIDMapping) {
	object(d, func(name string) {
		switch name {
		case "containerID":
			unsigned(d, &v.ContainerID)
		case "hostID":
			unsigned(d, &v.HostID)
		case "size":
			unsigned(d, &v.Size)
		default:
			d.skip()
		}
	})
}

func hooks(d *decoder, v *specs.Hooks) {
	object(d, func(name string) {
		for _, kind := range hookKinds(v) {
			if kind.name == name {
				list(d, kind.hooks, hook)
				return
			}
		}
		d.skip()
	})
}

func hook(d *decoder, v *specs.Hook) {
	object(d, func(name string) {
		switch name {
		case "path":
			text(d, &v.Path)
		case "args":
			texts(d, &v.Args)
		case "env":
			texts(d, &v.Env)
		case "timeout":
			pointer(d, &v.Timeout, signed)
		default:
			d.skip()
		}
	})
}
