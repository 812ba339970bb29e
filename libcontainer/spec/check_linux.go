package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// namespaceTypes are the types of namespace the specification knows, in alphabetical order.
var namespaceTypes = [...]specs.LinuxNamespaceType{
	specs.CgroupNamespace, specs.IPCNamespace, specs.MountNamespace, specs.NetworkNamespace,
	specs.PIDNamespace, specs.TimeNamespace, specs.UserNamespace, specs.UTSNamespace,
}

func (c *checker) namespaces() {
	list := c.linux.Namespaces
	for i, n := range list {
		if !slices.Contains(namespaceTypes[:], n.Type) {
			c.add("is not a type of namespace", "linux", "namespaces", i, "type").Path = string(n.Type)
		}
		sameType := func(o specs.LinuxNamespace) bool { return o.Type == n.Type }
		if slices.ContainsFunc(list[:i], sameType) {
			c.add("is listed twice", "linux", "namespaces", i, "type").Path = string(n.Type)
		}
		if n.Path != "" {
			c.absolute(n.Path, "linux", "namespaces", i, "path")
		}
	}
	c.timeOffsets()
	c.namespaceMappings()
}

// timeOffsets checks what /proc/self/timens_offsets takes; a joined namespace has processes and can be changed no more
// (time_namespaces(7)).
func (c *checker) timeOffsets() {
	if len(c.linux.TimeOffsets) == 0 {
		return
	}
	isNew := func(n specs.LinuxNamespace) bool { return n.Type == specs.TimeNamespace && n.Path == "" }
	if !slices.ContainsFunc(c.linux.Namespaces, isNew) {
		c.add("needs a new time namespace", "linux", "timeOffsets")
	}
	for clock, offset := range c.linux.TimeOffsets {
		if clock != "monotonic" && clock != "boottime" {
			c.add("is neither monotonic nor boottime", "linux", "timeOffsets", clock)
		}
		if offset.Nanosecs >= 1e9 {
			c.add("must be below 1000000000", "linux", "timeOffsets", clock, "nanosecs")
		}
	}
}

// paths checks the settings that change the tree of the container, and would change the host's without a mount namespace.
func (c *checker) paths() {
	c.coveredPaths(c.linux.MaskedPaths, "maskedPaths")
	c.coveredPaths(c.linux.ReadonlyPaths, "readonlyPaths")
	if p := c.linux.RootfsPropagation; p != "" {
		if !knownPropagation(p) {
			e := c.add("is not a propagation", "linux", "rootfsPropagation")
			e.Path, e.Hint = p, "accepted are shared, slave, private, unbindable, and rshared, rslave, rprivate, runbindable"
		}
		c.needs(specs.MountNamespace, "linux", "rootfsPropagation")
	}
	c.cgroupsPath(c.linux.CgroupsPath)
	c.personality(c.linux.Personality)
	c.memoryPolicy(c.linux.MemoryPolicy)
	c.netDevices(c.linux.NetDevices)
	c.intelRdt(c.linux.IntelRdt)
}

func (c *checker) coveredPaths(list []string, member string) {
	for i, p := range list {
		c.absolute(p, "linux", member, i)
	}
	if len(list) > 0 {
		c.needs(specs.MountNamespace, "linux", member)
	}
}

func knownPropagation(name string) bool {
	switch strings.TrimPrefix(name, "r") {
	case "shared", "slave", "private", "unbindable":
		return true
	}
	return false
}

// cgroupsPath refuses components that would leave the place in the hierarchy the rest of the path names.
func (c *checker) cgroupsPath(p string) {
	c.noNUL(p, "linux", "cgroupsPath")
	for component := range strings.SplitSeq(p, "/") {
		if component == "." || component == ".." {
			c.add(`has a "." or ".." component`, "linux", "cgroupsPath").Path = p
			return
		}
	}
}

func (c *checker) personality(p *specs.LinuxPersonality) {
	if p == nil {
		return
	}
	if p.Domain != specs.PerLinux && p.Domain != specs.PerLinux32 {
		c.add("is neither LINUX nor LINUX32", "linux", "personality", "domain").Path = string(p.Domain)
	}
	if len(p.Flags) > 0 {
		c.add("must be empty: the specification defines no flag", "linux", "personality", "flags")
	}
}

// devices checks the list of nodes to make.
func (c *checker) devices() {
	for i, dev := range c.linux.Devices {
		c.absolute(dev.Path, "linux", "devices", i, "path")
		switch dev.Type {
		case "c", "b", "u":
			c.deviceNumber(dev.Major, maxMajor, "linux", "devices", i, "major")
			c.deviceNumber(dev.Minor, maxMinor, "linux", "devices", i, "minor")
		case "p":
		default:
			e := c.add("is not a type of device", "linux", "devices", i, "type")
			e.Path, e.Hint = dev.Type, "accepted are c, u, b and p"
		}
		if dev.UID != nil {
			c.id(*dev.UID, "linux", "devices", i, "uid")
		}
		if dev.GID != nil {
			c.id(*dev.GID, "linux", "devices", i, "gid")
		}
		other := func(o specs.LinuxDevice) bool {
			return o.Path == dev.Path && (o.Type != dev.Type || o.Major != dev.Major || o.Minor != dev.Minor)
		}
		if slices.ContainsFunc(c.linux.Devices[:i], other) {
			c.add("an earlier entry makes another device here", "linux", "devices", i, "path").Path = dev.Path
		}
	}
}

// The kernel's dev_t has 12 bits for the major and 20 for the minor number (include/linux/kdev_t.h).
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

func (c *checker) deviceNumber(n, highest int64, at ...any) {
	if n < 0 || n > highest {
		c.add("is not a device number", at...)
	}
}
