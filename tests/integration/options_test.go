package integration

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// withArgs sets the program and its arguments.
func withArgs(args ...string) option {
	return func(s *specs.Spec) { s.Process.Args = args }
}

// withShell runs a script; it is not the last command's process that is process 1, but the shell.
func withShell(script string) option { return withArgs("sh", "-c", script+"\nexit $?") }

// withProcess changes the process section.
func withProcess(change func(*specs.Process)) option {
	return func(s *specs.Spec) { change(s.Process) }
}

// withLinux changes the Linux section.
func withLinux(change func(*specs.Linux)) option {
	return func(s *specs.Spec) { change(s.Linux) }
}

// withResources changes the limits.
func withResources(change func(*specs.LinuxResources)) option {
	return func(s *specs.Spec) {
		if s.Linux.Resources == nil {
			s.Linux.Resources = &specs.LinuxResources{}
		}
		change(s.Linux.Resources)
	}
}

// withUser runs the program as uid and gid.
func withUser(uid, gid uint32) option {
	return withProcess(func(p *specs.Process) { p.User.UID, p.User.GID = uid, gid })
}

// withMount adds a mount after the others.
func withMount(m specs.Mount) option {
	return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) }
}

// withBind adds a bind mount.
func withBind(source, destination string, options ...string) option {
	return withMount(specs.Mount{Type: "bind", Source: source, Destination: destination, Options: append([]string{"bind"}, options...)})
}

// withoutMount takes the mount on destination away.
func withoutMount(destination string) option {
	return func(s *specs.Spec) {
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == destination })
	}
}

// withoutNamespace leaves the container in the namespace of the runtime.
func withoutNamespace(kind specs.LinuxNamespaceType) option {
	return withLinux(func(l *specs.Linux) {
		l.Namespaces = slices.DeleteFunc(l.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
	})
}

// withNamespace joins the namespace at path, or makes a new one where path is empty.
func withNamespace(kind specs.LinuxNamespaceType, path string) option {
	return func(s *specs.Spec) {
		withoutNamespace(kind)(s)
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
	}
}

// withHooks sets the hooks.
func withHooks(hooks specs.Hooks) option {
	return func(s *specs.Spec) { s.Hooks = &hooks }
}
