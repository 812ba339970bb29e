package cgroups

import (
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus/bustest"
)

// fakeSystemd answers that its cgroups are below a path, and has no units.
func fakeSystemd(t *testing.T, above string) *bustest.Peer {
	t.Helper()
	path := bustest.Path(t)
	for _, name := range []string{"DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"} { // tests run as root or as a user
		t.Setenv(name, bus.PathAddress(path))
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	return bustest.Listen(t, path, func(c *bustest.Connection, call *bus.Message) {
		switch call.Member {
		case "Get":
			c.Return(call, "v", bus.Value{Signature: "s", V: above})
		case "ListUnitsByNames":
			name := call.Body[0].([]any)[0]
			c.Return(call, "a(ssssssouso)", []any{[]any{name, name, "not-found", "inactive", "dead", "", "/u", uint32(0), "", "/"}})
		default:
			t.Errorf("systemd was called: %s", call.Member)
			c.Refuse(call, "a.b", "no")
		}
	})
}

// J2 J10: until there is a process nothing exists, and nothing of another's is touched; what is saved is enough to go on with.
func TestNewUnit(t *testing.T) {
	fakeSystemd(t, "/a/b")
	host := &Host{unified: mountRoot}
	m, err := host.NewUnit(&UnitOptions{CgroupsPath: "x-y.slice:p:n", ID: "c", Root: "/run/tare"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if want := "/a/b/x.slice/x-y.slice/p-n.scope"; m.Path() != want || m.UnifiedPath() != mountRoot+want || m.Unit() != "p-n.scope" {
		t.Errorf("path %s, unit %s", m.Path(), m.Unit())
	}
	saved := m.Saved()
	again, err := Load(saved)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := again.Saved(); !reflect.DeepEqual(got, saved) || got.Unit.Description != "tare container c in /run/tare" || got.Unit.Address == "" {
		t.Errorf("loaded %+v %+v", got, got.Unit)
	}
	for _, m := range []*Manager{m, again} {
		if err := m.Create(); err != nil {
			t.Error(err)
		}
		if fd, err := m.UnifiedFd(); fd != -1 || err != nil {
			t.Errorf("descriptor %d, %v before there is a process", fd, err)
		}
		if pids, err := m.Procs(); len(pids) > 0 || err != nil {
			t.Errorf("processes %v, %v", pids, err)
		}
		if err := m.Kill(); err != nil {
			t.Error(err)
		}
		if err := m.Destroy(destroyPatience); err != nil {
			t.Error(err)
		}
	}
}

const destroyPatience = systemd.Timeout

// B7: systemd's driver is for cgroup v2; the error says so.
func TestNewUnitRefuses(t *testing.T) {
	fakeSystemd(t, "")
	for _, host := range []*Host{
		{unified: mountRoot + "/unified", v1: []v1Mount{{point: mountRoot + "/memory", controllers: []string{"memory"}}}},
		{v1: []v1Mount{{point: mountRoot + "/memory", controllers: []string{"memory"}}}},
	} {
		if _, err := host.NewUnit(&UnitOptions{ID: "c"}); err == nil || !strings.Contains(err.Error(), "cgroup v2 alone") {
			t.Errorf("%+v: %v", host, err)
		}
	}
	host := &Host{unified: mountRoot}
	for _, row := range []struct {
		o    UnitOptions
		want string
	}{
		{UnitOptions{CgroupsPath: "/a", ID: "c"}, "/linux/cgroupsPath"},
		{UnitOptions{ID: "c", Annotations: map[string]string{systemd.AnnotationPrefix + "Slice": "'a'"}}, "/annotations/"},
		{UnitOptions{ID: "c", Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: new(uint64(5))}}}, "/linux/resources/memory/swappiness"},
	} {
		if _, err := host.NewUnit(&row.o); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v, want %s", row.o, err, row.want)
		}
	}
}

func TestSettingsOf(t *testing.T) {
	got, err := settingsOf(&specs.LinuxResources{
		CPU:     &specs.LinuxCPU{Period: new(uint64(50000))},
		Memory:  &specs.LinuxMemory{Limit: new(int64(-1))},
		Pids:    &specs.LinuxPids{Limit: new(int64(5))},
		Unified: map[string]string{"memory.max": "7", "a.b": "c"},
	})
	want := []systemd.Setting{
		{File: "cpu.max", Value: "max 50000"}, {File: "memory.swap.max", Value: "max"}, {File: "memory.max", Value: "max"}, {File: "pids.max", Value: "5"},
		{File: "a.b", Value: "c"}, {File: "memory.max", Value: "7"}, // last, and so they win
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v;\nwant %v", got, err, want)
	}
}
