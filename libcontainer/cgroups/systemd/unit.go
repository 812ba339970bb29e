package systemd

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
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
		switch {
		case interrupted > 0 && s.description == u.Description && s.active == "active":
			return nil
		case s.active == "failed":
			if err := m.reset(u.Name); err != nil {
				return err
			}
		case s.active != "inactive" && s.active != "deactivating" || tries == maxTries || time.Until(m.deadline) < pause:
			return &inUse{description: s.description, active: s.active}
		default: // it is about to go
			time.Sleep(pause)
			pause = min(2*pause, 100*time.Millisecond)
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

// await waits for the end of the job that a reply names.
func (m *Manager) await(what string, reply []any) error {
	job, ok := at[string](reply, 0)
	if !ok {
		return errAnswer
	}
	args, err := m.conn.Signal(func(iface string, args []any) bool {
		ended, _ := at[string](args, 1)
		return iface == managerInterface && ended == job
	})
	if err == fault.ErrTimeout {
		return &jobError{what: what, job: job, err: err}
	}
	if err != nil {
		return err
	}
	if result, _ := at[string](args, 3); result != "done" {
		return &jobError{what: what, job: job, err: fault.Text("ended as " + strconv.Quote(result))}
	}
	return nil
}

// jobError is what became of a job.
type jobError struct {
	what, job string
	err       error
}

func (e *jobError) Error() string {
	number := e.job[strings.LastIndexByte(e.job, '/')+1:]
	return "its " + e.what + " job " + number + ": " + e.err.Error()
}

func (e *jobError) Unwrap() error { return e.err }

// at returns an element of a list if it is of a type.
func at[T any](list []any, i int) (v T, ok bool) {
	if i < len(list) {
		v, ok = list[i].(T)
	}
	return v, ok
}

const (
	errNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
	errUnitExists = "org.freedesktop.systemd1.UnitExists"
)

var errAnswer = fault.Text("systemd gave an answer of another form")

func isName(err error, name string) bool {
	var refusal *bus.Error
	return errors.As(err, &refusal) && refusal.Name == name
}

func isExists(err error) bool { return isName(err, errUnitExists) }

// isAboutProperties recognises how systemd refuses a property that it does not know, or a value.
func isAboutProperties(e *bus.Error) bool {
	switch e.Name {
	case "org.freedesktop.DBus.Error.PropertyReadOnly", "org.freedesktop.DBus.Error.UnknownProperty", "org.freedesktop.DBus.Error.InvalidArgs":
		return true
	}
	return false
}

// explain says which unit, and what to do about it.
func (m *Manager) explain(op, unit string, properties []Property, err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: op, Path: unit, Err: err}
	var refusal *bus.Error
	var used *inUse
	switch {
	case errors.As(err, &used):
		e.Pointer, e.Hint = "/linux/cgroupsPath", "choose another name, or stop that unit"
	case errors.Is(err, fault.ErrTimeout):
		e.Hint = m.who() + " did not finish within " + m.timeout.Round(time.Millisecond).String() + "; is it hanging?"
	case errors.As(err, &refusal):
		e.Pointer, e.Hint = blame(refusal, properties)
		if e.Hint == "" {
			e.Hint = m.hint(refusal)
		}
	}
	return e
}

// blame finds the annotation that is at fault. systemd names the property that it does not have, and not the one whose value
// has another type than it wants.
func blame(refusal *bus.Error, properties []Property) (pointer, hint string) {
	if refusal.Name == errUnitExists {
		return "", ""
	}
	var asked, names []string
	for _, p := range properties {
		if p.Pointer == "" {
			continue
		}
		asked, names = append(asked, p.Pointer), append(names, p.Name)
		if strings.Contains(refusal.Text, p.Name) {
			return p.Pointer, "this systemd does not take it for a scope"
		}
	}
	switch {
	case len(asked) == 0:
		return "", ""
	case len(asked) == 1:
		pointer = asked[0]
	}
	return pointer, "is the type right that the annotations give " + strings.Join(names, ", ") + "? a number is an int32 unless uint64 stands before it"
}

func (m *Manager) hint(refusal *bus.Error) string {
	switch refusal.Name {
	case "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "org.freedesktop.DBus.Error.AccessDenied":
		if m.user {
			return "the user's systemd may not move processes into its cgroup from where this one runs; log in as that user, or start it with systemd-run --user --scope"
		}
		return "only root may use the system's systemd"
	}
	return ""
}

// maxInterruptions bounds how often systemd is talked to again after it has hung up.
const maxInterruptions = 5

// isInterruption recognises that systemd executes itself anew, as when it is upgraded: it hangs up, and a bus in between has
// nobody to pass a call on to.
func isInterruption(err error) bool {
	return errors.Is(err, bus.ErrClosed) || isName(err, "org.freedesktop.DBus.Error.NoReply") || isName(err, "org.freedesktop.DBus.Error.ServiceUnknown")
}

// persist does something that may be done twice, again if it was interrupted.
func (m *Manager) persist(f func() error) error {
	err := f()
	for range maxInterruptions {
		if !isInterruption(err) {
			break
		}
		if err := m.reconnect(); err != nil {
			return err
		}
		err = f()
	}
	return err
}

// reconnect waits for systemd to be back.
func (m *Manager) reconnect() error {
	for {
		err := m.connect()
		if err == nil || time.Until(m.deadline) < reconnectPause {
			return err
		}
		time.Sleep(reconnectPause)
	}
}

const reconnectPause = 20 * time.Millisecond

// errnoHint says what an errno of connecting means.
func errnoHint(err error) string {
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return "is it running?"
	}
	return ""
}
