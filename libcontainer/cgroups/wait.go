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
		if err != nil {
			return waited, err
		}
		alive, err := awaitFirst(pids, deadline)
		if err != nil || !alive {
			return waited, err
		}
		waited = true
	}
}

// awaitFirst waits for the end of the first process that is alive, and says whether there is one: a list can be older than
// the end of what is on it, and asking again at once would be a busy loop.
func awaitFirst(pids []int, deadline time.Time) (alive bool, err error) {
	for _, pid := range pids {
		if alive, err = awaitExit(pid, deadline); alive || err != nil {
			break
		}
	}
	return alive, err
}

// awaitExit waits for the end of a process, and says whether it was alive.
func awaitExit(pid int, deadline time.Time) (alive bool, err error) {
	pidFd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return false, nil
	}
	if err != nil {
		return false, &fault.Error{Op: "open process", Path: strconv.Itoa(pid), Err: err}
	}
	defer unix.Close(pidFd)
	for wait := 0; ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidFd), Events: unix.POLLIN}}, wait)
		if err != nil && err != unix.EINTR {
			return alive, &fault.Error{Op: "poll process", Path: strconv.Itoa(pid), Err: err}
		}
		if n > 0 {
			return alive, nil
		}
		alive = true
		remaining := time.Until(deadline)
		if remaining <= 0 {
			return alive, &fault.Error{Op: "wait for process", Path: strconv.Itoa(pid), Err: fault.ErrTimeout}
		}
		wait = int(remaining/time.Millisecond) + 1 // rounded up: a poll of zero milliseconds would spin
	}
}
