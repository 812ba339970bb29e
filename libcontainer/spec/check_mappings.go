package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxMappings is how many lines the kernel takes (user_namespaces(7), since Linux 4.15).
const maxMappings = 340

// namespaceMappings checks those of the user namespace. A new one needs mappings for its root, as which the container is set up; a
// joined one has its own, which those given here must equal.
func (c *checker) namespaceMappings() {
	l := c.linux
	given := len(l.UIDMappings)+len(l.GIDMappings) > 0
	i := slices.IndexFunc(l.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace })
	switch {
	case i < 0 && given:
		c.needs(specs.UserNamespace, "linux", mappingsName(len(l.UIDMappings) > 0))
		return
	case i < 0 || !given && l.Namespaces[i].Path != "":
		return
	}
	c.mappings(l.UIDMappings, "uidMappings")
	c.mappings(l.GIDMappings, "gidMappings")
}

func mappingsName(uids bool) string {
	if uids {
		return "uidMappings"
	}
	return "gidMappings"
}

func (c *checker) mappings(list []specs.LinuxIDMapping, member string) {
	if len(list) == 0 {
		c.add("is missing, and a new user namespace maps nothing by itself", "linux", member)
		return
	}
	if len(list) > maxMappings {
		c.add("has more lines than the kernel takes, which are 340", "linux", member)
		return
	}
	root := false
	for i, m := range list {
		root = root || m.ContainerID == 0
		switch {
		case m.Size == 0:
			c.add("must be at least 1", "linux", member, i, "size")
		case uint64(m.ContainerID)+uint64(m.Size) > 1<<32-1 || uint64(m.HostID)+uint64(m.Size) > 1<<32-1:
			c.add("leads past the last id, 4294967294", "linux", member, i, "size")
		case slices.ContainsFunc(list[:i], func(o specs.LinuxIDMapping) bool { return overlap(o, m) }):
			c.add("overlaps with an earlier entry", "linux", member, i)
		}
	}
	if !root {
		c.add("does not map id 0 of the container, as which it is set up", "linux", member).Hint = "begin an entry with containerID 0"
	}
}

// overlap says whether two ranges have an id in common, inside or on the host.
func overlap(a, b specs.LinuxIDMapping) bool {
	meet := func(x, y uint32) bool {
		return uint64(x) < uint64(y)+uint64(b.Size) && uint64(y) < uint64(x)+uint64(a.Size)
	}
	return meet(a.ContainerID, b.ContainerID) || meet(a.HostID, b.HostID)
}
