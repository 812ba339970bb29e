package cgroups

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// WaitEmpty waits until no process lives in the cgroup or below it. The error is fault.ErrTimeout, with the processes that
// are left, if the timeout passes first.
func (m *Manager) WaitEmpty(timeout time.Duration) error {
	h := m.tracking()
	if h == nil {
		return nil
	}
	_, err := h.awaitEmpty(time.Now().Add(timeout))
	return h.nameLeft(ignoreGone(err))
}

// awaitEmpty is WaitEmpty for one hierarchy; waited tells whether it slept.
func (h *hierarchy) awaitEmpty(deadline time.Time) (waited bool, err error) {
	if h.isUnified() {
		return h.awaitEvents(deadline, func(e events) bool { return !e.populated })
	}
	// v1 has no event for that, but each process has one for its end.
	for {
		pids, err := h.procs()
		if err != nil || len(pids) == 0 {
			return waited, err
		}
		if err := awaitExit(pids[0], deadline); err != nil {
			return waited, err
		}
		waited = true
	}
}

func awaitExit(pid int, deadline time.Time) error {
	pidFd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return &fault.Error{Op: "open process", Path: strconv.Itoa(pid), Err: err}
	}
	defer unix.Close(pidFd)
	for {
		remaining := time.Until(deadline)
		if remaining <= 0 {
			return &fault.Error{Op: "wait for process", Path: strconv.Itoa(pid), Err: fault.ErrTimeout}
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidFd), Events: unix.POLLIN}}, int(remaining/time.Millisecond)+1)
		if err != nil && err != unix.EINTR {
			return &fault.Error{Op: "poll process", Path: strconv.Itoa(pid), Err: err}
		}
		if n > 0 {
			return nil
		}
	}
}
