package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// made is a cgroup on this host.
func made(t *testing.T, name string) *Manager {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups")
	}
	host, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	m := host.New("/tare-test-" + name + "-" + strconv.Itoa(os.Getpid()))
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer m.Close()
		if err := m.Destroy(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return m
}

// D13: a process that cannot be put into the cgroup is an error: it would run without limits.
func TestAddRefuses(t *testing.T) {
	m := made(t, "add")
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if err := m.Add(gone.Process.Pid, true); !errors.Is(err, unix.ESRCH) || !strings.Contains(err.Error(), "the process is gone") {
		t.Errorf("%v", err)
	}
}

// D13: an exec goes where init is only if that is in the container's cgroup.
func TestEnterOfAnother(t *testing.T) {
	m := made(t, "enter")
	if m.unified() == nil {
		t.Skip("no unified hierarchy")
	}
	if fd, err := m.EnterOf(os.Getpid()); err == nil || !strings.Contains(err.Error(), "is not below the container's") {
		t.Errorf("%d, %v", fd, err)
	}
}

// C21: who still lives in a cgroup is told.
func TestWaitEmptyNames(t *testing.T) {
	m := made(t, "wait")
	p := cgrouptest.Start(t, m)
	err := m.WaitEmpty(time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) || !strings.Contains(err.Error(), "processes left: "+strconv.Itoa(p.Pid())) {
		t.Errorf("%v", err)
	}
}

// H14, security rule 12: rules that nothing can enforce are an error.
func TestDevicesWithoutController(t *testing.T) {
	m, err := Load(Saved{Path: "/c1", Hierarchies: []SavedHierarchy{{Mount: "/nosuch/memory", Controllers: "memory"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.SetDevices(nil, t.TempDir()); !errors.Is(err, fault.ErrNotSupported) {
		t.Errorf("%v", err)
	}
}

// J24: a write that is tried may be refused for what it says, and for nothing else.
func TestAttempt(t *testing.T) {
	mount := t.TempDir()
	m, err := Load(Saved{Path: "/c1", Hierarchies: []SavedHierarchy{{Mount: mount, Controllers: "cpu"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Mkdir(filepath.Join(mount, "c1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := m.apply(m.v1("cpu"), "cpu", limit.Write{File: "cpu.nosuch", Value: "1", Attempt: true}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("%v", err)
	}
}

// R3: the cgroup that two have in common is one, not the beginning of a name.
func TestCommonParent(t *testing.T) {
	for _, row := range [][3]string{
		{"/a/b", "/a/c", "/a"}, {"/a", "/ab", "/"}, {"/a/b", "/a/bc/d", "/a"}, {"/a", "/a/b", "/a"}, {"/a/b", "/a", "/a"}, {"/", "/a", "/"}, {"/a", "/a", "/a"},
	} {
		if got := commonParent(row[0], row[1]); got != row[2] {
			t.Errorf("%s, %s: %s, want %s", row[0], row[1], got, row[2])
		}
	}
}
