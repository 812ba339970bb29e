package cgroups

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// delegateList names the files of a cgroup that whoever it is delegated to may write (cgroup-v2.rst, "Delegation").
const delegateList = "/sys/kernel/cgroup/delegate"

// delegateDefault is what Linux 4.15, which brought the list, would have said.
const delegateDefault = "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n"

// Delegate gives the cgroup to a user of the host: the directory, in which cgroups can then be made, and the files that the
// kernel says are safe to give; those with the container's own limits stay root's. Only cgroup v2 alone is made for that: on
// a host with v1 hierarchies nothing is done.
//
// Preconditions: the cgroup exists.
func (m *Manager) Delegate(uid uint32) error {
	h := m.unified()
	if h == nil || len(m.hierarchies) > 1 {
		return nil
	}
	dirFd, err := h.open()
	if err != nil {
		return err
	}
	if err := unix.Fchownat(dirFd, "", int(uid), -1, unix.AT_EMPTY_PATH); err != nil {
		return &fault.Error{Op: "chown cgroup", Path: h.path, Err: err}
	}
	files, err := readPath(delegateList)
	if err != nil {
		files = delegateDefault
	}
	for name := range strings.FieldsSeq(files) {
		if !isComponent(name) {
			continue
		}
		err := unix.Fchownat(dirFd, name, int(uid), -1, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && err != unix.ENOENT { // of a controller that is not enabled, or of another kernel
			return &fault.Error{Op: "chown", Path: h.path + "/" + name, Err: err}
		}
	}
	return nil
}
