package systemd

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

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
