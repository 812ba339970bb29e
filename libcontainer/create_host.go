package libcontainer

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/spec"
)

// checkHostNamespaces refuses what would change the host because a namespace to join is not another container's but the runtime's own, or
// that of process 1. Such an entry confines as much as none; of a mount namespace the container would make its own root the root.
func (c *creation) checkHostNamespaces() error {
	if c.spec.Linux == nil {
		return nil
	}
	var kept []specs.LinuxNamespace
	var host *fault.Error // the first of them
	for i, n := range c.spec.Linux.Namespaces {
		if !isHost(n) {
			kept = append(kept, n)
			continue
		}
		e := &fault.Error{
			Pointer: fault.Ptr("linux", "namespaces", i, "path"), Path: n.Path, Err: fault.Text("is the host's own " + string(n.Type) + " namespace"),
			Hint: "leave out the path",
		}
		if n.Type == specs.MountNamespace {
			return e
		}
		if host == nil {
			host = e
		}
	}
	if host == nil {
		return nil
	}
	linux, without := *c.spec.Linux, *c.spec
	linux.Namespaces, without.Linux = kept, &linux
	if problems := spec.Validate(&without); len(problems) > 0 {
		host.Err = fault.Text(host.Err.Error() + ", which " + problems[0].Pointer + " would change")
		return host
	}
	return nil
}

// isHost is about the kinds that a configuration can change something in.
func isHost(n specs.LinuxNamespace) bool {
	kinds := []specs.LinuxNamespaceType{specs.MountNamespace, specs.UTSNamespace, specs.IPCNamespace, specs.NetworkNamespace}
	at := slices.Index(kinds, n.Type)
	var there, host unix.Stat_t
	if at < 0 || n.Path == "" || unix.Stat(n.Path, &there) != nil {
		return false // what is wrong with a path is said where it is opened
	}
	file := [...]string{"mnt", "uts", "ipc", "net"}[at]
	for _, process := range [...]string{"self", "1"} {
		if unix.Stat("/proc/"+process+"/ns/"+file, &host) == nil && host.Dev == there.Dev && host.Ino == there.Ino {
			return true
		}
	}
	return false
}
