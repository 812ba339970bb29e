package cgroups

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// events is what cgroup.events of the unified hierarchy says about a cgroup and everything below it.
type events struct {
	populated bool // a process lives in it
	frozen    bool // every process of it is frozen, or would be
}

func parseEvents(text string) (e events) {
	for line := range strings.Lines(text) {
		switch strings.TrimSuffix(line, "\n") {
		case "populated 1":
			e.populated = true
		case "frozen 1":
			e.frozen = true
		}
	}
	return e
}

func (h *hierarchy) events() (events, error) {
	text, err := h.read("cgroup.events")
	return parseEvents(text), err
}

// awaitEvents sleeps until cgroup.events satisfies done, or the deadline passes: then the error is fault.ErrTimeout. The
// kernel wakes pollers with POLLPRI at each change. waited tells whether it slept at all.
func (h *hierarchy) awaitEvents(deadline time.Time, done func(events) bool) (waited bool, err error) {
	fd, err := h.openFile("cgroup.events", unix.O_RDONLY)
	if err != nil {
		return false, h.fileError("open", "cgroup.events", err)
	}
	defer unix.Close(fd)
	for {
		text, err := readSmall(fd)
		if err == unix.ENODEV { // removed meanwhile, hence empty
			return waited, nil
		}
		if err != nil {
			return waited, h.fileError("read", "cgroup.events", err)
		}
		if done(parseEvents(text)) {
			return waited, nil
		}
		remaining := time.Until(deadline)
		if remaining <= 0 {
			return waited, &fault.Error{Op: "wait for", Path: h.path + "/cgroup.events", Err: fault.ErrTimeout}
		}
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		// Rounded up: a poll of zero milliseconds would spin.
		if _, err := unix.Poll(poll, int(remaining/time.Millisecond)+1); err != nil && err != unix.EINTR {
			return waited, h.fileError("poll", "cgroup.events", err)
		}
		waited = true
	}
}
