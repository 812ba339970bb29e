package systemd

import (
	"errors"
	"strconv"
	"time"

	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// Unit names a unit of ours.
type Unit struct {
	Name        string
	Description string // by which it is told from another unit of that name
}

// Start makes the unit and waits until it is there. One of that name that has failed, or is about to go, makes room (J40);
// one that is in use is an error.
func (m *Manager) Start(u Unit, properties []Property, timeout time.Duration) error {
	m.within(timeout)
	err := m.startUnit(u, properties)
	var refusal *bus.Error
	if errors.As(err, &refusal) && !isExists(err) && isAboutProperties(refusal) && hasOptional(properties) {
		err = m.startUnit(u, required(properties))
	}
	return m.explain("start unit", u.Name, properties, err)
}

// startUnit is Start without the look at what an older systemd may not know.
func (m *Manager) startUnit(u Unit, properties []Property) error {
	interrupted := 0
	pause := time.Millisecond
	for tries := 0; ; tries++ {
		err := m.startOnce(u, properties)
		switch {
		case err == nil:
			return nil
		case isInterruption(err) && interrupted < maxInterruptions:
			interrupted++ // it may have made the unit before
			if err := m.reconnect(); err != nil {
				return err
			}
		case !isExists(err):
			return err
		}
		var s status
		err = m.persist(func() (err error) { s, err = m.status(u.Name); return err })
		if err != nil {
			return err
		}
		ours := interrupted > 0 && s.description == u.Description
		switch {
		case ours && s.active == "active":
			return nil
		case tries == maxTries || time.Until(m.deadline) < pause:
			return &inUse{description: s.description, active: s.active}
		case s.active == "failed":
			if err := m.reset(u.Name); err != nil {
				return err
			}
		case ours || s.active == "inactive" || s.active == "deactivating": // it is about to come, or to go
			time.Sleep(pause)
			pause = min(2*pause, 100*time.Millisecond)
		default:
			return &inUse{description: s.description, active: s.active}
		}
	}
}

// maxTries bounds the wait for a unit to go: some three seconds.
const maxTries = 32

// inUse is the error for a unit that somebody else has.
type inUse struct{ description, active string }

func (e *inUse) Error() string {
	return "a unit of this name is " + e.active + " already: " + strconv.Quote(e.description)
}

func (m *Manager) startOnce(u Unit, properties []Property) error {
	list := []any{}
	for _, p := range properties {
		list = append(list, []any{p.Name, p.Value})
	}
	reply, err := m.call("StartTransientUnit", "ssa(sv)a(sa(sv))", u.Name, "replace", list, []any{})
	if err != nil {
		return err
	}
	return m.await("start", reply)
}

// Stop ends the unit, and waits for that, if it still is the one with our description. What is gone already is no error.
func (m *Manager) Stop(u Unit, timeout time.Duration) error {
	m.within(timeout)
	err := m.persist(func() error { return m.stop(u) })
	return m.explain("stop unit", u.Name, nil, err)
}

func (m *Manager) stop(u Unit) error {
	s, err := m.status(u.Name)
	if err != nil || s.description != u.Description {
		return err
	}
	reply, err := m.call("StopUnit", "ss", u.Name, "replace")
	if isName(err, errNoSuchUnit) {
		return nil
	}
	if err == nil {
		err = m.await("stop", reply)
	}
	if err != nil {
		return err
	}
	return m.reset(u.Name) // with CollectMode=inactive a failed unit would stay
}

// Is says whether the unit exists and is ours.
func (m *Manager) Is(u Unit, timeout time.Duration) (bool, error) {
	m.within(timeout)
	var s status
	err := m.persist(func() (err error) { s, err = m.status(u.Name); return err })
	return err == nil && s.description == u.Description, m.explain("look at unit", u.Name, nil, err)
}

// Set changes properties of a running unit until it ends. Those that this systemd does not have are left out.
func (m *Manager) Set(u Unit, properties []Property, timeout time.Duration) error {
	if len(properties) == 0 {
		return nil
	}
	m.within(timeout)
	err := m.persist(func() error { return m.set(u, properties) })
	var refusal *bus.Error
	if errors.As(err, &refusal) && isAboutProperties(refusal) && hasOptional(properties) {
		err = m.set(u, required(properties))
	}
	return m.explain("set properties of unit", u.Name, properties, err)
}

func (m *Manager) set(u Unit, properties []Property) error {
	list := []any{}
	for _, p := range properties {
		list = append(list, []any{p.Name, p.Value})
	}
	if _, err := m.call("SetUnitProperties", "sba(sv)", u.Name, true, list); err != nil {
		return err
	}
	// systemd writes control files after it has answered, and before it looks at the next call.
	_, err := m.conn.Call(&bus.Call{Destination: serviceName, Path: managerPath, Interface: "org.freedesktop.DBus.Peer", Method: "Ping"})
	return err
}

func hasOptional(properties []Property) bool { return len(required(properties)) < len(properties) }

func required(properties []Property) (list []Property) {
	for _, p := range properties {
		if !p.Optional {
			list = append(list, p)
		}
	}
	return list
}

// status is what systemd says of a unit.
type status struct{ description, active string }

// status asks for one unit by name; one that does not exist is "inactive" and has its name as description.
func (m *Manager) status(name string) (s status, err error) {
	reply, err := m.call("ListUnitsByNames", "as", []any{name})
	if err != nil {
		return s, err
	}
	if list, ok := at[[]any](reply, 0); ok && len(list) == 1 {
		fields, _ := list[0].([]any)
		s.description, _ = at[string](fields, 1)
		s.active, _ = at[string](fields, 3)
	}
	if s.active == "" {
		return s, errAnswer
	}
	return s, nil
}

// reset lets go of a unit that has failed.
func (m *Manager) reset(name string) error {
	_, err := m.call("ResetFailedUnit", "s", name)
	if isName(err, errNoSuchUnit) {
		return nil
	}
	return err
}

// at returns an element of a list if it is of a type.
func at[T any](list []any, i int) (v T, ok bool) {
	if i < len(list) {
		v, ok = list[i].(T)
	}
	return v, ok
}
