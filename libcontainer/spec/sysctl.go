package spec

import (
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// SysctlPath turns the name of a sysctl into its path below /proc/sys. As in sysctl(8) the first separator decides: after
// a dot, dots separate and a slash stands for a dot, so that net.ipv4.conf.eth0/100.forwarding and
// net/ipv4/conf/eth0.100/forwarding are the same. An empty result means that the name has no such path.
func SysctlPath(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		swap := func(r rune) rune {
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}
		name = strings.Map(swap, name)
	}
	for component := range strings.SplitSeq(name, "/") {
		if component == "" || component == "." || component == ".." || strings.IndexByte(component, 0) >= 0 {
			return ""
		}
	}
	return name
}

// sysctlNamespace returns the type of namespace that a sysctl belongs to; empty for those of the whole host.
func sysctlNamespace(path string) specs.LinuxNamespaceType {
	switch path {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
		"kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced":
		return specs.IPCNamespace
	case "kernel/domainname", "kernel/hostname":
		return specs.UTSNamespace
	}
	tree, _, _ := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(path, "fs/mqueue/"):
		return specs.IPCNamespace
	case tree == "net" && path != tree:
		return specs.NetworkNamespace
	case tree == "user" && path != tree:
		return specs.UserNamespace
	}
	return ""
}

// sysctls lets through what belongs to a namespace of the container. Everything else would change the host.
func (c *checker) sysctls(s *specs.Spec) {
	seen := make(map[string]string, len(c.linux.Sysctl))
	for _, name := range slices.Sorted(maps.Keys(c.linux.Sysctl)) {
		c.noNUL(c.linux.Sysctl[name], "linux", "sysctl", name)
		path := SysctlPath(name)
		if first, twice := seen[path]; twice && path != "" {
			c.add("is the same sysctl as "+first, "linux", "sysctl", name)
		}
		seen[path] = name
		switch kind := sysctlNamespace(path); {
		case path == "":
			c.add("is not the name of a sysctl", "linux", "sysctl", name)
		case kind == "":
			c.add("belongs to the host, not to a namespace", "linux", "sysctl", name).Hint = "set it on the host"
		case path == "kernel/hostname":
			c.add("conflicts with the hostname of the container", "linux", "sysctl", name).Hint = "use /hostname"
		case path == "kernel/domainname" && s.Domainname != "":
			c.add("conflicts with /domainname", "linux", "sysctl", name).Hint = "use one of the two"
		default:
			c.needs(kind, "linux", "sysctl", name)
		}
	}
}
