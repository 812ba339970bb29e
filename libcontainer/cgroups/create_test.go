package cgroups_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
)

// unifiedParent makes a cgroup in the unified hierarchy and returns its manager and directory.
func unifiedParent(t *testing.T) (host *cgroups.Host, parent *cgroups.Manager, dir string) {
	t.Helper()
	host, parent = scratch(t)
	if host.Unified() == "" {
		t.Skip("no unified hierarchy")
	}
	return host, parent, parent.UnifiedPath()
}

func write(t *testing.T, file, value string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// wantRefused checks that a cgroup below parent cannot be made, why, and that nothing of it is left.
func wantRefused(t *testing.T, host *cgroups.Host, parent *cgroups.Manager, why string) {
	t.Helper()
	m := host.New(parent.Path() + "/refused")
	defer m.Close()
	err := m.Create()
	var e *fault.Error
	if !errors.As(err, &e) || e.Pointer != "/linux/cgroupsPath" || !strings.Contains(err.Error(), why) {
		t.Errorf("error %v, want one at /linux/cgroupsPath with %q", err, why)
	}
	if _, err := os.Stat(parent.UnifiedPath() + "/refused"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
	if len(m.Saved().Hierarchies) != 0 {
		t.Errorf("the refused manager still has hierarchies: %+v", m.Saved())
	}
}

// J13: next to a threaded cgroup a new one is "domain invalid".
func TestThreadedParent(t *testing.T) {
	host, parent, dir := unifiedParent(t)
	if err := os.Mkdir(dir+"/thread", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/thread/cgroup.type", "threaded")
	if err := os.Mkdir(dir+"/thread/below", 0o755); err != nil {
		t.Fatal(err)
	}
	m := host.New(parent.Path() + "/thread/refused")
	defer m.Close()
	if err := m.Create(); err == nil || !strings.Contains(err.Error(), "domain invalid") {
		t.Errorf("below a threaded cgroup: %v", err)
	}
	if _, err := os.Stat(dir + "/thread/refused"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is left: %v", err)
	}
}

// J11: in a frozen cgroup the container's first process would stop before its first instruction.
func TestFrozenParent(t *testing.T) {
	host, parent, _ := unifiedParent(t)
	if err := parent.Freeze(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, host, parent, "frozen")
}

// J12: a parent with processes cannot enable controllers; the limit that needs one says so.
func TestParentWithProcesses(t *testing.T) {
	host, parent, dir := unifiedParent(t)
	available, err := os.ReadFile(dir + "/cgroup.controllers")
	if err != nil || !strings.Contains(string(available), "hugetlb") {
		t.Skipf("needs the hugetlb controller in the unified hierarchy; there are %q", available)
	}
	cgrouptest.Start(t, parent)
	m := host.New(parent.Path() + "/child")
	defer m.Close()
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	err = m.Set(&specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB"}}})
	if !errors.Is(err, fault.ErrNotSupported) || !strings.Contains(err.Error(), "holds processes") ||
		!strings.Contains(err.Error(), unix.EBUSY.Error()) {
		t.Errorf("error %v", err)
	}
}

// J12: controllers reach a cgroup through parents that were made for it.
func TestControllersReachTheLeaf(t *testing.T) {
	host, parent, _ := unifiedParent(t)
	m := host.New(parent.Path() + "/a/b")
	defer m.Close()
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(host.Unified() + "/cgroup.controllers")
	got, err := os.ReadFile(m.UnifiedPath() + "/cgroup.controllers")
	if err != nil || len(strings.Fields(string(got))) != len(strings.Fields(string(want))) {
		t.Errorf("controllers %q, the root has %q (%v)", got, want, err)
	}
}
