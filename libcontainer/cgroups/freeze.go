package cgroups

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tare-run/tare/internal/fault"
)

// freezer returns the hierarchy that freezes: the unified one (Linux 5.2), else the v1 controller of that name.
func (m *Manager) freezer() *hierarchy {
	if h := m.unified(); h != nil {
		return h
	}
	return m.v1("freezer")
}

// Freeze stops every process of the cgroup and of those below it, and waits until they have stopped (J37). When the
// timeout passes first, the cgroup is thawed again; the error is then fault.ErrTimeout and names who did not stop.
func (m *Manager) Freeze(timeout time.Duration) error {
	h := m.freezer()
	if h == nil {
		return m.absent("freezer")
	}
	deadline := time.Now().Add(timeout)
	freeze := h.freezeV1
	if h.isUnified() {
		freeze = h.freezeUnified
	}
	if err := freeze(deadline); err != nil {
		return errors.Join(h.nameUnfrozen(err), m.Thaw())
	}
	return nil
}

func (h *hierarchy) freezeUnified(deadline time.Time) error {
	if err := h.write("cgroup.freeze", "1"); err != nil {
		return err
	}
	_, err := h.awaitEvents(deadline, func(e events) bool { return e.frozen })
	return err
}

// freezeV1 asks until the cgroup is frozen: the v1 freezer stays at FREEZING when a process forked at the wrong moment,
// until it is asked or looked at again, and it wakes no poller.
func (h *hierarchy) freezeV1(deadline time.Time) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if err := h.write("freezer.state", "FROZEN"); err != nil {
			return err
		}
		state, err := h.read("freezer.state")
		if err != nil || state == "FROZEN" {
			return err
		}
		if time.Until(deadline) < pause {
			return &fault.Error{Op: "freeze", Path: h.path, Err: fault.ErrTimeout}
		}
		time.Sleep(pause)
	}
}

// Thaw undoes Freeze. It does nothing where nothing can be frozen, and does not wait: see AwaitThawed.
func (m *Manager) Thaw() error {
	h := m.freezer()
	switch {
	case h == nil:
		return nil
	case h.isUnified():
		return ignoreGone(h.write("cgroup.freeze", "0"))
	}
	return ignoreGone(h.write("freezer.state", "THAWED"))
}

// AwaitThawed waits until a cgroup that Thaw was called for runs again. It is an error if a cgroup above is frozen, which
// is not the container's to thaw.
func (m *Manager) AwaitThawed(timeout time.Duration) error {
	h := m.freezer()
	if h == nil {
		return nil
	}
	if above := h.frozenAbove(m.path); above != "" {
		return &fault.Error{Op: "thaw", Path: h.path, Err: fault.Text("a cgroup above it is frozen"), Hint: "thaw " + above}
	}
	if !h.isUnified() {
		return nil // the write has waited
	}
	_, err := h.awaitEvents(time.Now().Add(timeout), func(e events) bool { return !e.frozen })
	return ignoreGone(err)
}

// frozenAbove returns the nearest cgroup above the container's that is frozen by itself, or "".
func (h *hierarchy) frozenAbove(below string) string {
	file := "freezer.self_freezing"
	if h.isUnified() {
		file = "cgroup.freeze"
	}
	for dir := path.Dir(below); dir != "/"; dir = path.Dir(dir) {
		if value, err := readPath(h.mount + dir + "/" + file); err == nil && value == "1" {
			return h.mount + dir
		}
	}
	return ""
}

// Frozen reports whether the cgroup is frozen, by itself or by one above it. Each command that asks for the state of a
// container asks this, so it takes one open and one read.
func (m *Manager) Frozen() (bool, error) {
	h := m.freezer()
	switch {
	case h == nil:
		return false, nil
	case h.isUnified():
		text, err := readPath(h.path + "/cgroup.events")
		return parseEvents(text).frozen, ignoreGone(err)
	}
	state, err := readPath(h.path + "/freezer.state")
	return state == "FROZEN", ignoreGone(err)
}

// nameUnfrozen adds the processes that a freeze has not stopped to its error, with the kernel function that each waits in:
// request_wait_answer, for example, is a FUSE server that does not answer.
func (h *hierarchy) nameUnfrozen(err error) error {
	e, ok := err.(*fault.Error)
	if !ok || e.Err != fault.ErrTimeout {
		return err
	}
	pids, listErr := h.procs()
	if listErr != nil {
		return err
	}
	var names []string
	for _, pid := range pids {
		if function, running := unfrozen(pid); running {
			names = append(names, strings.TrimSpace(strconv.Itoa(pid)+" "+function))
		}
	}
	if len(names) > 0 {
		e.Hint = "these processes did not stop: " + someOf(names)
	}
	return e
}

// unfrozen looks for a thread of a process that is in neither freezer, nor stopped by a signal or a tracer, and returns
// what it waits in, if the kernel says so. Stopped threads wait in these functions of kernel/signal.c and kernel/freezer.c, as far as
// the compiler has not made one of them a part of get_signal.
func unfrozen(pid int) (function string, found bool) {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return "", false
	}
	for _, thread := range threads {
		wchan, err := readPath("/proc/" + strconv.Itoa(pid) + "/task/" + thread.Name() + "/wchan")
		if err != nil {
			continue // it has ended
		}
		switch wchan {
		case "do_freezer_trap", "__refrigerator", "get_signal", "do_signal_stop", "ptrace_stop":
			continue
		case "0": // it runs, or we may not know
			return "", true
		}
		return "in " + wchan, true
	}
	return "", false
}
