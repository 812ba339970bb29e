package cgroups

import (
	"path"
	"slices"
	"strconv"
)

// initTasks is more than an init has threads before it becomes the program: the Go runtime's own, of which it cannot do without
// any, and those of a busy moment.
const initTasks = 12

// Crowded says whether limits on processes, of this cgroup or of one above it, leave no room for an init to start in here. The
// limits hold for fork and clone, not for who is moved into the cgroup (cgroup-v2.rst, "PID").
func (m *Manager) Crowded() bool {
	for _, h := range m.hierarchies {
		if !h.isUnified() && !slices.Contains(h.controllers, "pids") {
			continue
		}
		for dir := h.path; len(dir) > len(h.mount); dir = path.Dir(dir) {
			if crowded(dir) {
				return true
			}
		}
	}
	return false
}

func crowded(dir string) bool {
	limit, ok := readCount(dir + "/pids.max") // "max" is no number; without the controller there is no file
	if !ok {
		return false
	}
	current, ok := readCount(dir + "/pids.current")
	return ok && current+initTasks > limit
}

func readCount(file string) (int, bool) {
	text, err := readPath(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
