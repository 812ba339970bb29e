package cgroups

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Add moves a process into the cgroup. In the hierarchies of v1 that is how it gets there at all; with unified it is also
// moved in the unified one, which clone3 with CLONE_INTO_CGROUP (Linux 5.7) makes unnecessary for a new process: moving
// one takes a lock that waits for all forks of the machine. Where systemd makes the cgroup, it does so now, with the first
// process in it.
func (m *Manager) Add(pid int, unified bool) error {
	if m.unit != nil && m.unit.inode == 0 {
		return m.startUnit(pid)
	}
	for _, h := range m.hierarchies {
		if h.isUnified() && !unified {
			continue
		}
		if err := h.write("cgroup.procs", strconv.Itoa(pid)); err != nil {
			return explainAdd(err)
		}
	}
	return nil
}

func explainAdd(err error) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Err {
	case unix.ESRCH:
		e.Hint = "the process is gone"
	case unix.EBUSY:
		e.Hint = "the cgroup has controllers enabled for its children, so it cannot hold processes itself"
	case unix.EOPNOTSUPP:
		e.Hint = "the cgroup is threaded, or not valid because a cgroup above it is"
	case unix.ENOSPC:
		e.Hint = "its cpuset.cpus or cpuset.mems is empty"
	}
	return e
}
