package integration

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cgroupMounts are the mount points of all hierarchies below /sys/fs/cgroup.
func cgroupMounts(t *testing.T) []string {
	t.Helper()
	var points []string
	for line := range strings.Lines(read(t, "/proc/self/mounts")) {
		fields := strings.Fields(line)
		if fields[2] == "cgroup" || fields[2] == "cgroup2" {
			points = append(points, fields[1])
		}
	}
	return points
}

// controllerMount is where a controller is mounted, and whether that is the unified hierarchy; "" where no hierarchy has it.
func controllerMount(t *testing.T, controller string) (point string, unified bool) {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/self/mounts")) {
		fields := strings.Fields(line)
		switch {
		case fields[2] == "cgroup" && slices.Contains(strings.Split(fields[3], ","), controller):
			return fields[1], false
		case fields[2] == "cgroup2":
			available := strings.Fields(read(t, filepath.Join(fields[1], "cgroup.controllers")))
			if slices.Contains(available, controller) {
				return fields[1], true
			}
		}
	}
	return "", false
}

// unifiedMount is the mount point of cgroup v2; "" where there is none.
func unifiedMount(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/self/mounts")) {
		if fields := strings.Fields(line); fields[2] == "cgroup2" {
			return fields[1]
		}
	}
	return ""
}
