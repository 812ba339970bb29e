package libcontainer

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// delegateCgroup gives the container's cgroup to the user of its program, where the container is meant to manage it: it has a
// cgroup namespace of its own and a cgroup mount that can be written to (J14).
func (c *creation) delegateCgroup() error {
	if c.cgroup == nil || !managesCgroup(c.spec) {
		return nil
	}
	if uid, ok := hostID(c.spec.Linux.UIDMappings, c.spec.Process.User.UID); ok && uid != 0 {
		return c.cgroup.Delegate(uid)
	}
	return nil // root's already
}

func managesCgroup(s *specs.Spec) bool {
	if s.Linux == nil || s.Process == nil {
		return false
	}
	own := slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == specs.CgroupNamespace && n.Path == ""
	})
	return own && slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool {
		return m.Type == "cgroup" && !slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")
	})
}

// hostID is what an id of the container is on the host; without mappings they are the same.
func hostID(mappings []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	if len(mappings) == 0 {
		return id, true
	}
	for _, m := range mappings {
		if id >= m.ContainerID && uint64(id) < uint64(m.ContainerID)+uint64(m.Size) {
			return m.HostID + (id - m.ContainerID), true
		}
	}
	return 0, false
}
