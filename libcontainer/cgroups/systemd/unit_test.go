package systemd

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus/bustest"
)

const (
	patient   = 10 * time.Second
	impatient = 100 * time.Millisecond
)

var ours = Unit{Name: "a.scope", Description: "tare container a in /run/tare"}

// fake is a systemd with one unit, in the hands of a test.
type fake struct {
	*bustest.Peer
	description, active string
	jobs                bool   // jobs end
	result              string // as this
	on                  map[string]func(c *bustest.Connection, call *bus.Message) bool
}

// newFake starts it and connects to it.
func newFake(t *testing.T, f *fake) *Manager {
	t.Helper()
	path := bustest.Path(t)
	f.Peer = bustest.Listen(t, path, f.answer)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.PathAddress(path))
	m, err := Connect(false, "", patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func (f *fake) answer(c *bustest.Connection, call *bus.Message) {
	if on := f.on[call.Member]; on != nil && on(c, call) {
		return
	}
	switch call.Member {
	case "ListUnitsByNames":
		active := f.active
		if active == "" {
			active = "inactive"
		}
		c.Return(call, "a(ssssssouso)", []any{[]any{ours.Name, f.description, "loaded", active, "running", "", "/u", uint32(0), "", "/"}})
	case "StartTransientUnit", "StopUnit":
		const job = "/org/freedesktop/systemd1/job/42"
		if f.jobs {
			// In this order: a job may end before its caller knows its name.
			c.Send(&bus.Message{Kind: bus.TypeSignal, Path: "/", Interface: managerInterface, Member: jobRemoved, Signature: "uoss",
				Body: []any{uint32(41), "/org/freedesktop/systemd1/job/41", ours.Name, "failed"}})
			c.Send(&bus.Message{Kind: bus.TypeSignal, Path: "/", Interface: managerInterface, Member: jobRemoved, Signature: "uoss",
				Body: []any{uint32(42), job, ours.Name, f.result}})
		}
		c.Return(call, "o", job)
	case "Get":
		c.Return(call, "v", bus.Value{Signature: "s", V: "/user.slice/"})
	default:
		c.Return(call, "")
	}
}

// once answers with an error the first time.
func once(name, text string, then func()) func(c *bustest.Connection, call *bus.Message) bool {
	done := false
	return func(c *bustest.Connection, call *bus.Message) bool {
		if done {
			return false
		}
		done = true
		if then != nil {
			then()
		}
		c.Refuse(call, name, text)
		return true
	}
}

func wantError(t *testing.T, err error, fragments ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", fragments)
	}
	for _, f := range fragments {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("error %q lacks %q", err, f)
		}
	}
}

func wantCalls(t *testing.T, f *fake, want ...string) {
	t.Helper()
	if got := f.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

func TestStart(t *testing.T) {
	f := &fake{jobs: true, result: "done"}
	m := newFake(t, f)
	if err := m.Start(ours, []Property{text("Description", ours.Description)}, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "StartTransientUnit")
	if path, err := m.ControlGroup(); err != nil || path != "/user.slice" {
		t.Errorf("cgroup %q, %v", path, err)
	}
}

// J40: a unit of the same name that has failed is let go of, and the start repeated.
func TestStartAfterFailure(t *testing.T) {
	f := &fake{jobs: true, result: "done", active: "failed", on: map[string]func(*bustest.Connection, *bus.Message) bool{
		"StartTransientUnit": once(errUnitExists, "Unit a.scope already exists.", nil),
	}}
	if err := newFake(t, f).Start(ours, nil, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "StartTransientUnit", "ListUnitsByNames", "ResetFailedUnit", "StartTransientUnit")
}

// A unit that is about to go is waited for; one that is in use is named, and left alone.
func TestStartMeetsAnother(t *testing.T) {
	f := &fake{jobs: true, result: "done", active: "deactivating", on: map[string]func(*bustest.Connection, *bus.Message) bool{
		"StartTransientUnit": once(errUnitExists, "Unit a.scope already exists.", nil),
	}}
	if err := newFake(t, f).Start(ours, nil, patient); err != nil {
		t.Error(err)
	}
	for _, active := range []string{"active", "deactivating", "inactive"} { // the last two for ever
		f := &fake{active: active, description: "somebody else's", on: map[string]func(*bustest.Connection, *bus.Message) bool{
			"StartTransientUnit": func(c *bustest.Connection, call *bus.Message) bool {
				c.Refuse(call, errUnitExists, "Unit a.scope already exists.")
				return true
			},
		}}
		m := newFake(t, f)
		wantError(t, m.Start(ours, nil, patient), "config.json /linux/cgroupsPath: ", `"a.scope"`, active, `"somebody else's"`)
		if err := m.Stop(ours, patient); err != nil {
			t.Error(err)
		}
		if slices.Contains(f.Calls(), "StopUnit") || slices.Contains(f.Calls(), "ResetFailedUnit") {
			t.Errorf("calls %q", f.Calls())
		}
	}
}

// J39: errors name the unit, the job, and how long was waited.
func TestStartThatDoesNotEnd(t *testing.T) {
	m := newFake(t, &fake{})
	err := m.Start(ours, nil, impatient)
	wantError(t, err, `start unit "a.scope"`, "start job 42", "timed out", "100ms")
	if !errors.Is(err, fault.ErrTimeout) {
		t.Error("not a time-out")
	}
	silent := func(*bustest.Connection, *bus.Message) bool { return true }
	m = newFake(t, &fake{on: map[string]func(*bustest.Connection, *bus.Message) bool{"StartTransientUnit": silent, "ListUnitsByNames": silent}})
	wantError(t, m.Start(ours, nil, impatient), `start unit "a.scope"`, "timed out", "100ms")
	wantError(t, m.Stop(ours, impatient), `stop unit "a.scope"`, "timed out", "100ms")
	m = newFake(t, &fake{jobs: true, result: "dependency"})
	wantError(t, m.Start(ours, nil, patient), `start unit "a.scope"`, "start job 42", `"dependency"`)
}

func TestConnectToNobody(t *testing.T) {
	path := bustest.Path(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.PathAddress(path))
	_, err := Connect(false, "", patient)
	wantError(t, err, "connect to systemd", path, "no such file or directory")
	bustest.Listen(t, path, nil)
	begun := time.Now()
	_, err = Connect(false, "", impatient)
	wantError(t, err, "connect to systemd", path, "did not answer within 100ms")
	if took := time.Since(begun); took > patient {
		t.Errorf("took %v", took)
	}
}

// B7: without systemd the error says what is missing.
func TestNotBooted(t *testing.T) {
	if _, err := os.Stat(bootedMark); err == nil {
		t.Skip("this machine has booted systemd")
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
	_, err := Connect(false, "", patient)
	wantError(t, err, "systemd is not the init", bootedMark, "--systemd-cgroup")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	_, err = Connect(true, "", patient)
	wantError(t, err, "systemd is not the init")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", bus.PathAddress(bustest.Path(t)))
	_, err = Connect(true, "", patient)
	wantError(t, err, "the user's systemd", "no such file or directory", "enable-linger")
}

// systemd that executes itself anew hangs up; whatever it had been told by then is not done twice.
func TestInterruption(t *testing.T) {
	f := &fake{jobs: true, result: "done"}
	hangUp := func(done bool) func(*bustest.Connection, *bus.Message) bool {
		left := 1
		return func(c *bustest.Connection, _ *bus.Message) bool {
			if left--; left < 0 {
				return false
			}
			if done {
				f.active, f.description = "active", ours.Description
			}
			c.Close()
			return true
		}
	}
	f.on = map[string]func(*bustest.Connection, *bus.Message) bool{"StartTransientUnit": hangUp(false)}
	if err := newFake(t, f).Start(ours, nil, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "StartTransientUnit", "ListUnitsByNames", "StartTransientUnit")
	f.on = map[string]func(*bustest.Connection, *bus.Message) bool{"StartTransientUnit": hangUp(true)}
	m := newFake(t, f)
	if err := m.Start(ours, nil, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "StartTransientUnit", "ListUnitsByNames")
	f.on = map[string]func(*bustest.Connection, *bus.Message) bool{"StopUnit": hangUp(false)}
	if err := m.Stop(ours, patient); err != nil {
		t.Error(err)
	}
	if calls := f.Calls(); calls[len(calls)-2] != "StopUnit" {
		t.Errorf("calls %q", calls)
	}
}

// What an older systemd does not know is left out if the control file says it as well; an annotation's property is an error.
func TestRefusedProperties(t *testing.T) {
	const refusal = "org.freedesktop.DBus.Error.PropertyReadOnly"
	f := &fake{jobs: true, result: "done", on: map[string]func(*bustest.Connection, *bus.Message) bool{
		"StartTransientUnit": once(refusal, "Cannot set property MemoryZSwapMax, or unknown property.", nil),
		"SetUnitProperties":  once(refusal, "Cannot set property MemoryZSwapMax, or unknown property.", nil),
	}}
	m := newFake(t, f)
	list := Properties([]Setting{{"memory.zswap.max", "0"}, {"memory.max", "5"}})
	if err := m.Start(ours, list, patient); err != nil {
		t.Error(err)
	}
	if err := m.Set(ours, list, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "StartTransientUnit", "StartTransientUnit", "SetUnitProperties", "SetUnitProperties", "Ping")

	annotated, err := fromAnnotations(map[string]string{AnnotationPrefix + "NoSuchThing": "5"})
	if err != nil {
		t.Fatal(err)
	}
	f.on["StartTransientUnit"] = once(refusal, "Cannot set property NoSuchThing, or unknown property.", nil)
	wantError(t, m.Start(ours, annotated, patient), "config.json /annotations/org.systemd.property.NoSuchThing: ", `"a.scope"`, "Cannot set property")
}

func TestStop(t *testing.T) {
	f := &fake{jobs: true, result: "done", active: "active", description: ours.Description}
	m := newFake(t, f)
	if err := m.Stop(ours, patient); err != nil {
		t.Error(err)
	}
	wantCalls(t, f, "ListUnitsByNames", "StopUnit", "ResetFailedUnit")
	if is, err := m.Is(ours, patient); err != nil || !is {
		t.Errorf("is ours: %v, %v", is, err)
	}
	f.description = ours.Name // as of a unit that does not exist
	if is, err := m.Is(ours, patient); err != nil || is {
		t.Errorf("is ours: %v, %v", is, err)
	}
	f.description = ours.Description
	f.on = map[string]func(*bustest.Connection, *bus.Message) bool{"StopUnit": once(errNoSuchUnit, "Unit a.scope not loaded.", nil)}
	if err := m.Stop(ours, patient); err != nil {
		t.Error(err)
	}
}

// J3: what a user who may not do that is told.
func TestNotAllowed(t *testing.T) {
	f := &fake{on: map[string]func(*bustest.Connection, *bus.Message) bool{
		"StartTransientUnit": once("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "Interactive authentication required.", nil),
	}}
	m := newFake(t, f)
	m.user = true
	wantError(t, m.Start(ours, nil, patient), `"a.scope"`, "Interactive authentication required.", "systemd-run --user --scope")
}
