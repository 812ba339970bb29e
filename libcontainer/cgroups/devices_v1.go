package cgroups

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// setV1Devices gives the devices cgroup a policy, whatever it had before.
func (m *Manager) setV1Devices(policy devicefilter.Policy) error {
	h, err := m.v1Devices(policy)
	if h == nil || err != nil {
		return err
	}
	lines, err := policy.V1()
	if err != nil {
		return err
	}
	return h.writeDevices(lines)
}

// v1Devices returns the hierarchy of the controller; nil where there is none and the policy needs none.
func (m *Manager) v1Devices(policy devicefilter.Policy) (*hierarchy, error) {
	h := m.v1("devices")
	if h == nil && !policy.Unrestricted() {
		return nil, fault.At(pointerDevices, m.absent("devices"))
	}
	return h, nil
}

// updateV1Devices leads from one policy to another. Where there is no way without a gap, the processes stand still while
// the gap is open. After an error the old policy is in force.
func (m *Manager) updateV1Devices(from, to devicefilter.Policy) error {
	h, err := m.v1Devices(to)
	if h == nil || err != nil {
		return err
	}
	list, err := h.read("devices.list")
	if err != nil {
		return fault.At(pointerDevices, err)
	}
	lines, seamless, err := to.V1From(from, list)
	if err != nil {
		return err
	}
	if !seamless {
		thaw, err := m.standStill()
		if err != nil {
			return fault.At(pointerDevices, err)
		}
		defer thaw()
	}
	err = h.writeDevices(lines)
	if err == nil {
		return nil
	}
	if back := h.restoreDevices(from, to); back != nil {
		return errors.Join(err, back)
	}
	return err
}

// standStillTimeout bounds the wait for processes to stop.
const standStillTimeout = 10 * time.Second

// standStill freezes the cgroup, unless it is frozen already.
func (m *Manager) standStill() (thaw func(), err error) {
	frozen, err := m.Frozen()
	if err != nil {
		return nil, err
	}
	if frozen {
		return func() {}, nil
	}
	if err := m.Freeze(standStillTimeout); err != nil {
		return nil, err
	}
	return func() { _ = m.Thaw() }, nil
}

// restoreDevices goes back to a policy from somewhere on the way to another.
func (h *hierarchy) restoreDevices(to, from devicefilter.Policy) error {
	list, err := h.read("devices.list")
	if err != nil {
		return err
	}
	lines, _, err := to.V1From(from, list)
	if err != nil {
		return err
	}
	return h.writeDevices(lines)
}

func (h *hierarchy) writeDevices(lines []devicefilter.V1Line) error {
	for _, line := range lines {
		if err := h.directory.write(line.File, line.Value); err != nil {
			return fault.At(pointerDevices, explainV1Devices(err))
		}
	}
	return nil
}

func explainV1Devices(err error) error {
	e, ok := err.(*fault.Error)
	if !ok {
		return err
	}
	switch e.Err {
	case unix.EPERM:
		e.Hint = "the cgroup above does not allow it either"
	case unix.EINVAL:
		e.Hint = "the verdict on all devices cannot change while there are cgroups below this one"
	}
	return e
}
