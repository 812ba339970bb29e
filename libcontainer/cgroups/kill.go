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
	// killFreezeTimeout bounds the freeze before the first round. A process in an uninterruptible sleep can take forever.
	killFreezeTimeout = time.Second
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
			return errors.Join(ignoreGone(err), m.ThawTree(), m.killHeadless())
		}
	}
	if _, err := h.open(); err != nil {
		return ignoreGone(err)
	}
	return m.killEach(h)
}

// killHeadless kills what cgroup.kill leaves: it signals the first thread of a process, and where that has ended the signal is
// lost, although others run.
func (m *Manager) killHeadless() error {
	return ignoreGone(SignalAll(m.Procs, unix.SIGKILL))
}

// killEach kills process by process. Freezing first keeps them from forking away; where that does not work, the rounds do.
func (m *Manager) killEach(h *hierarchy) error {
	_ = m.Freeze(killFreezeTimeout) // only makes the rounds fewer
	var err error
	for range killRounds {
		var any bool
		if any, err = signalAll(m.Procs, unix.SIGKILL); err != nil || !any {
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

// Signal sends a signal to every process of the cgroup and of those below it. Frozen ones get it when they are thawed,
// SIGKILL excepted.
func (m *Manager) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return m.Kill()
	}
	return SignalAll(m.Procs, sig)
}

// SignalAll sends a signal to every process that list returns, by pidfd. A pid may have been given to another process since
// it was listed, so the processes are first opened and then listed again: one that is still listed is the one that was
// opened.
func SignalAll(list func() ([]int, error), sig unix.Signal) error {
	_, err := signalAll(list, sig)
	return err
}

// signalAll is SignalAll; any says whether there was a process.
func signalAll(list func() ([]int, error), sig unix.Signal) (any bool, err error) {
	pids, err := list()
	if err != nil || len(pids) == 0 {
		return false, err
	}
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
			return true, &fault.Error{Op: "open process", Path: strconv.Itoa(pid), Err: err}
		}
		open[pid] = pidFd
	}
	still, err := list()
	if err != nil {
		return true, err
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
	return true, errors.Join(errs...)
}
