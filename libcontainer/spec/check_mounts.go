package spec

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mounts checks what can be said of a mount without its file system. What the options mean together is found by package
// plan, which turns them into numbers.
func (c *checker) mounts(mounts []specs.Mount) {
	for i, m := range mounts {
		c.require(m.Destination != "", "mounts", i, "destination")
		c.noNUL(m.Destination, "mounts", i, "destination")
		c.noNUL(m.Source, "mounts", i, "source")
		c.noNUL(m.Type, "mounts", i, "type")
		c.noNULs(m.Options, "mounts", i, "options")
		c.mountOverProc(m.Destination, i)
		c.idMappings(m, i)
	}
	if len(mounts) > 0 {
		c.needs(specs.MountNamespace, "mounts")
	}
}

// mountOverProc refuses to hide or fake what the runtime and the container's programs read in /proc (CVE-2019-16884 and
// its successors). lxcfs and its kind replace some files that carry no authority; those are let through. This reads the
// text only: where the destination really lies, behind symbolic links, is decided again when it is opened.
func (c *checker) mountOverProc(destination string, i int) {
	name, below := strings.CutPrefix(path.Clean("/"+destination), "/proc/")
	if !below {
		return
	}
	switch name {
	case "cpuinfo", "diskstats", "loadavg", "meminfo", "slabinfo", "stat", "swaps", "uptime",
		"sys/crypto/fips_enabled", "sys/kernel/ns_last_pid":
		return
	}
	c.add("is inside /proc", "mounts", i, "destination").Path = destination
}

func (c *checker) idMappings(m specs.Mount, i int) {
	if (len(m.UIDMappings) == 0) != (len(m.GIDMappings) == 0) {
		c.add("uidMappings and gidMappings must be given together", "mounts", i)
	}
	idmapped := slices.Contains(m.Options, "idmap") || slices.Contains(m.Options, "ridmap")
	if idmapped && len(m.UIDMappings) == 0 && !c.has(specs.UserNamespace) {
		c.add("idmap needs uidMappings and gidMappings, or a user namespace", "mounts", i, "options")
	}
}
