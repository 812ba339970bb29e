package cgroups

import (
	pathpkg "path"

	"github.com/tare-run/tare/libcontainer/step"
)

// MountHierarchies describes what a mount of type cgroup shows inside the container (F18, F19): on a pure cgroup v2 host
// the one hierarchy, otherwise a directory for each, named as on the host, with links for controllers that share one.
func (h *Host) MountHierarchies(m *Manager) []step.CgroupHierarchy { return h.mountHierarchies(m.path) }

// ForeignHierarchies is MountHierarchies for a container without a cgroup of its own.
func (h *Host) ForeignHierarchies() []step.CgroupHierarchy { return h.mountHierarchies("") }

func (h *Host) mountHierarchies(path string) []step.CgroupHierarchy {
	if h.unified != "" && len(h.v1) == 0 {
		return []step.CgroupHierarchy{{V2: true, HostPath: h.unified + path}}
	}
	var list []step.CgroupHierarchy
	for _, mount := range h.v1 {
		name := pathpkg.Base(mount.point)
		entry := step.CgroupHierarchy{Name: name, Options: mount.controllers, HostPath: mount.point + path}
		if len(mount.controllers) > 1 {
			for _, controller := range mount.controllers {
				if controller != name {
					entry.Links = append(entry.Links, controller)
				}
			}
		}
		list = append(list, entry)
	}
	if h.unified != "" {
		list = append(list, step.CgroupHierarchy{Name: pathpkg.Base(h.unified), V2: true, HostPath: h.unified + path})
	}
	return list
}
