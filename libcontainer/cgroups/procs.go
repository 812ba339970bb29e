package cgroups

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Procs returns the processes of the cgroup and of all cgroups below it, sorted. A cgroup that does not exist has none.
func (m *Manager) Procs() ([]int, error) {
	h := m.tracking()
	if h == nil {
		return nil, nil
	}
	return h.procs()
}

func (h *hierarchy) procs() ([]int, error) {
	if _, err := h.open(); err != nil {
		return nil, ignoreGone(err)
	}
	var pids []int
	err := h.walk(func(d *directory) error {
		own, err := d.ownProcs()
		pids = append(pids, own...)
		return err
	})
	slices.Sort(pids)
	return slices.Compact(pids), err
}

// ownProcs returns the processes of one cgroup, without those below it.
func (d *directory) ownProcs() (pids []int, err error) {
	fd, err := d.openFile("cgroup.procs", unix.O_RDONLY)
	if err != nil {
		return nil, d.fileError("read", "cgroup.procs", err)
	}
	defer unix.Close(fd)
	text, err := readList(fd)
	if err == unix.EOPNOTSUPP {
		return nil, nil // a threaded cgroup: its processes are listed by the domain above
	}
	if err != nil {
		return nil, d.fileError("read", "cgroup.procs", err)
	}
	for line := range strings.Lines(text) {
		pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err == nil && pid > 0 { // 0: a process that our pid namespace does not have
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// walk calls f for a directory and every one below it. What is removed meanwhile is left out.
//
// Preconditions: d is open.
func (d *directory) walk(f func(*directory) error) error {
	if err := f(d); err != nil {
		return ignoreGone(err)
	}
	names, err := d.subdirectories()
	if err != nil {
		return ignoreGone(err)
	}
	for _, name := range names {
		child, err := d.child(name)
		if err != nil {
			if err := ignoreGone(err); err != nil {
				return err
			}
			continue
		}
		err = child.walk(f)
		child.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// ignoreGone drops the errors that a removed cgroup causes: ENOENT for its path, ENODEV for its open files.
func ignoreGone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
