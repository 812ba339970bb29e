package cgroups

import (
	"path"

	"github.com/tare-run/tare/libcontainer/step"
)

// MountHierarchies describes what a mount of type cgroup shows inside the container (F18, F19): on a pure cgroup v2 host
// the one hierarchy, otherwise a directory for each, named as on the host, with links for controllers that share one.
func (h *Host) MountHierarchies(m *Manager) []step.CgroupHierarchy {
	if h.unified != "" && len(h.v1) == 0 {
		return []step.CgroupHierarchy{{V2: true, HostPath: h.unified + m.path}}
	}
	var list []step.CgroupHierarchy
	for _, mount := range h.v1 {
		name := path.Base(mount.point)
		entry := step.CgroupHierarchy{Name: name, Options: mount.controllers, HostPath: mount.point + m.path}
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
		list = append(list, step.CgroupHierarchy{Name: path.Base(h.unified), V2: true, HostPath: h.unified + m.path})
	}
	return list
}
