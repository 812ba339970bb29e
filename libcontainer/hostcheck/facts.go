// Package hostcheck finds what a host lacks for a container, all of it at once and without making anything.
//
// It owns the facts that decide (Facts) and the comparison with a configuration (Check), which is pure: the tests make up
// hosts. Only Gather and the functions it puts into Facts ask the kernel, with calls that anyone may make. Nothing here is
// on the path of create, which finds the first of these things out by trying.
package hostcheck

// Facts are what a check needs to know of a host.
type Facts struct {
	Lacks         []string        // what every container needs and this kernel has not, in words
	Privileged    bool            // the caller has CAP_SYS_ADMIN
	Filesystems   map[string]bool // /proc/filesystems; those of modules that are not loaded are absent
	Namespaces    map[string]bool // by their names in /proc/self/ns
	Controllers   map[string]bool // of cgroup v1 and v2 together, by their kernel names
	Unified       map[string]bool // those of cgroup v2 alone
	HugePageSizes map[string]bool // as the specification spells them: "2MB"
	Seccomp       map[string]bool // actions, as the kernel spells them: "user_notif"; nil: no seccomp
	Hierarchies   bool            // a cgroup hierarchy is mounted
	Apparmor      bool
	Selinux       bool

	Host Files
}

// Files answers questions about paths. The mode is that of stat(2).
type Files interface {
	Stat(path string) (mode uint32, err error)          // of the host, links followed
	Executable(path string) error                       // may the caller execute it
	StatIn(root, path string) (mode uint32, err error)  // inside a root, links followed inside it
	NamespaceType(path string) (kind string, err error) // as the specification calls it
}
