package cgroups

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Enter makes the manager one for processes that come later, in cgroups below the container's: "PATH" means the same below
// each hierarchy, "CONTROLLERS:PATH" only that of cgroup v1 with one of the controllers. A path begins at the container's
// cgroup, whether with a slash or not, and must exist. The manager may only be asked for UnifiedFd and Add afterwards.
func (m *Manager) Enter(places []string) error {
	for _, place := range places {
		controllers, below, one := strings.Cut(place, ":")
		if !one {
			below = place
		}
		names, ok := components(below)
		if !ok {
			return subError(place, fault.Text(`"." and ".." and control characters are not allowed in it`), "")
		}
		found := false
		for _, h := range m.hierarchies {
			if one && !h.hasOneOf(controllers) {
				continue
			}
			found = true
			if err := h.enter(names); err != nil {
				return subError(place, err, "it must exist below the container's cgroup "+h.path)
			}
		}
		if !found {
			return subError(place, fault.Text("the container has no cgroup of cgroup v1 with such a controller"), "on cgroup v2 leave out the controllers")
		}
	}
	return nil
}

func subError(place string, err error, hint string) error {
	return &fault.Error{Op: "--cgroup", Path: place, Err: err, Hint: hint}
}

// components are the names in a path; none for "", "/" and ".".
func components(path string) (names []string, ok bool) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		if !isComponent(name) {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

func (h *hierarchy) hasOneOf(controllers string) bool {
	return slices.ContainsFunc(strings.Split(controllers, ","), func(c string) bool { return slices.Contains(h.controllers, c) })
}

// enter makes the directory that of a cgroup below it. The kernel resolves the path, beneath the directory and through no
// link. The error is an errno, or the one of open.
func (h *hierarchy) enter(names []string) error {
	if len(names) == 0 {
		return nil
	}
	dirFd, err := h.open()
	if err != nil {
		return err
	}
	below := strings.Join(names, "/")
	fd, err := openat2(dirFd, below, unix.O_RDONLY|unix.O_DIRECTORY, resolve)
	if err != nil {
		return err
	}
	h.close()
	h.dirFd = fd
	h.path += "/" + below
	return nil
}

// EnterOf is UnifiedFd for the cgroup that a process of the container is in, which may be one below the container's.
func (m *Manager) EnterOf(pid int) (fd int, err error) {
	h := m.unified()
	if h == nil {
		return -1, nil
	}
	file := "/proc/" + strconv.Itoa(pid) + "/cgroup"
	text, err := readPath(file)
	if err != nil {
		return -1, err
	}
	for line := range strings.SplitSeq(text, "\n") {
		path, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		below, ok := strings.CutPrefix(path, m.path+"/")
		names, clean := components(below)
		if !ok || !clean {
			return -1, &fault.Error{Op: "cgroup of init", Path: path, Err: fault.Text("is not below the container's " + m.path)}
		}
		if err := h.enter(names); err != nil {
			return -1, &fault.Error{Op: "open cgroup", Path: path, Err: err}
		}
		return h.open()
	}
	return -1, &fault.Error{Op: "read", Path: file, Err: fault.Text("names no cgroup of the unified hierarchy")}
}
