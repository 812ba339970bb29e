package cgroups

import (
	"errors"
	"time"

	"github.com/tare-run/tare/internal/fault"
)

// Freeze stops every process of the cgroup and of those below it, and waits until they have stopped (J37). When the
// timeout passes first, the cgroup is thawed again and the error is fault.ErrTimeout.
func (m *Manager) Freeze(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	var err error
	if h := m.unified(); h != nil {
		if err := h.write("cgroup.freeze", "1"); err != nil {
			return err
		}
		_, err = h.awaitEvents(deadline, func(e events) bool { return e.frozen })
	} else {
		h := m.v1("freezer")
		if h == nil {
			return m.absent("freezer")
		}
		err = h.freezeV1(deadline)
	}
	if err != nil {
		return errors.Join(err, m.Thaw())
	}
	return nil
}

// Thaw undoes Freeze. It does nothing where nothing can be frozen.
func (m *Manager) Thaw() error {
	if h := m.unified(); h != nil {
		return ignoreGone(h.write("cgroup.freeze", "0"))
	}
	if h := m.v1("freezer"); h != nil {
		return ignoreGone(h.write("freezer.state", "THAWED"))
	}
	return nil
}

// Frozen reports whether the cgroup is frozen, by itself or by one above it.
func (m *Manager) Frozen() (bool, error) {
	if h := m.unified(); h != nil {
		e, err := h.events()
		return e.frozen, ignoreGone(err)
	}
	if h := m.v1("freezer"); h != nil {
		state, err := h.read("freezer.state")
		return state == "FROZEN", ignoreGone(err)
	}
	return false, nil
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
			return &fault.Error{Op: "freeze", Path: h.path, Err: fault.ErrTimeout, Hint: "a process of it cannot be stopped"}
		}
		time.Sleep(pause)
	}
}
