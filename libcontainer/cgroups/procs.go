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
		text, err := d.read("cgroup.procs")
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil // a threaded cgroup: its processes are listed by the domain above
		}
		for line := range strings.Lines(text) {
			pid, parseErr := strconv.Atoi(strings.TrimSuffix(line, "\n"))
			if parseErr == nil && pid > 0 { // 0: a process that our pid namespace does not have
				pids = append(pids, pid)
			}
		}
		return err
	})
	slices.Sort(pids)
	return slices.Compact(pids), err
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
