package cgroups

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

const (
	// killRounds bounds the fallback of Kill: in each round every listed process is killed, and only those that had been
	// forked since the listing are left for the next, which comes when all are gone or after roundTime.
	killRounds = 32
	roundTime  = 20 * time.Millisecond
	// freezeTimeout bounds how long a cgroup may take to freeze. A process in an uninterruptible sleep can take forever.
	freezeTimeout = 10 * time.Second
)

// Kill sends SIGKILL to every process of the cgroup and of those below it, frozen ones included. It does not wait for
// them to be gone; see WaitEmpty. A cgroup that does not exist has nothing to kill.
func (m *Manager) Kill() error {
	h := m.tracking()
	if h == nil {
		return nil
	}
	if h.isUnified() {
		err := h.write("cgroup.kill", "1") // Linux 5.14; atomic, forks included
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return errors.Join(ignoreGone(err), m.ThawTree())
		}
	}
	if _, err := h.open(); err != nil {
		return ignoreGone(err)
	}
	return m.killEach(h)
}

// killEach kills process by process. Freezing first keeps them from forking away; where that does not work, the rounds do.
func (m *Manager) killEach(h *hierarchy) error {
	_ = m.Freeze(freezeTimeout) // only makes the rounds fewer
	var err error
	for range killRounds {
		var pids []int
		pids, err = m.Procs()
		if err != nil || len(pids) == 0 {
			break
		}
		if err = m.signalAll(pids, unix.SIGKILL); err != nil {
			break
		}
		if err = errors.Join(m.Thaw(), m.ThawTree()); err != nil {
			break
		}
		_, _ = h.awaitEmpty(time.Now().Add(roundTime)) // whoever is left is listed again
	}
	return errors.Join(err, m.Thaw())
}

// ThawTree thaws the container's v1 freezer and every one below it, which the container may have frozen itself: a process
// that the v1 freezer holds takes its SIGKILL only when it is let go (C27). One that v2 holds dies at once.
func (m *Manager) ThawTree() error {
	h := m.v1("freezer")
	if h == nil {
		return nil
	}
	if _, err := h.open(); err != nil {
		return ignoreGone(err)
	}
	return h.walk(func(d *directory) error { return d.write("freezer.state", "THAWED") })
}

// Signal sends a signal to every process of the cgroup and of those below it.
func (m *Manager) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return m.Kill()
	}
	pids, err := m.Procs()
	if err != nil {
		return err
	}
	return m.signalAll(pids, sig)
}

// signalAll signals processes by pidfd. A pid may have been given to a process outside the cgroup since it was listed, so
// the processes are first opened and then listed again: one that is still listed is the one that was opened.
func (m *Manager) signalAll(pids []int, sig unix.Signal) error {
	open := make(map[int]int, len(pids))
	defer func() {
		for _, pidFd := range open {
			unix.Close(pidFd)
		}
	}()
	for _, pid := range pids {
		pidFd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			return &fault.Error{Op: "open process", Path: strconv.Itoa(pid), Err: err}
		}
		open[pid] = pidFd
	}
	still, err := m.Procs()
	if err != nil {
		return err
	}
	var errs []error
	for _, pid := range still {
		pidFd, opened := open[pid]
		if !opened {
			continue
		}
		err := unix.PidfdSendSignal(pidFd, sig, nil, 0)
		if err != nil && err != unix.ESRCH {
			errs = append(errs, &fault.Error{Op: "signal process", Path: strconv.Itoa(pid), Err: err})
		}
	}
	return errors.Join(errs...)
}
