package cgroups

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OwnPath is the path of a cgroup with the container's name below the one that this process is in, on a pure cgroup v2 host;
// "" elsewhere. It is where a user may make cgroups, if anywhere: systemd delegates what it starts for that.
func (h *Host) OwnPath(id string) string {
	own := h.own()
	if own == "" || !isComponent(id) {
		return ""
	}
	return path.Join(own, id)
}

// own is the cgroup of this process in a unified hierarchy that is alone.
func (h *Host) own() string {
	if h.unified == "" || len(h.v1) > 0 {
		return ""
	}
	text, err := readPath("/proc/" + strconv.Itoa(unix.Getpid()) + "/cgroup") // not "self", a symbolic link
	if err != nil {
		return ""
	}
	_, own, _ := strings.Cut("\n"+text, "\n0::") // the last line; those before it are of v1 hierarchies that are not mounted here
	if !path.IsAbs(own) || path.Clean(own) != own {
		return "" // "/../other": outside of what is mounted here
	}
	return own
}

// Permitted says whether the caller may make the container's cgroup and put processes into it. The error names what it may not
// write to.
func (m *Manager) Permitted(h *Host) error {
	for _, hierarchy := range m.hierarchies {
		dir := hierarchy.path
		for range hierarchy.made {
			dir = path.Dir(dir)
		}
		if err := writable(dir); err != nil {
			return err
		}
	}
	if own := h.own(); own != "" { // cgroup-v2.rst, "Delegation Containment"
		return writable(h.unified + path.Join(commonParent(own, m.path), "cgroup.procs"))
	}
	return nil
}

// commonParent is the deepest cgroup that two are in or are.
func commonParent(a, b string) string {
	for ; a != "/"; a = path.Dir(a) {
		if b == a || strings.HasPrefix(b, a+"/") {
			break
		}
	}
	return a
}

// writable is access(2) with the effective ids.
func writable(name string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, unix.AT_EACCESS); err != nil {
		return &permissionError{path: name, errno: err}
	}
	return nil
}

// permissionError is an errno with the path that it is about.
type permissionError struct {
	path  string
	errno error
}

func (e *permissionError) Error() string { return e.path + ": " + e.errno.Error() }
func (e *permissionError) Unwrap() error { return e.errno }
