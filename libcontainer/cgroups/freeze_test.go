package cgroups_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
)

// deadFileServer mounts a FUSE file system that nobody serves. A process that asks it for something waits in the kernel,
// where the freezer of cgroup v2 cannot stop it.
func deadFileServer(t *testing.T) (dir string, abort func()) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no /dev/fuse: ", err)
	}
	dir = t.TempDir()
	if err := unix.Mount("none", dir, "fuse", 0, "rootmode=40000,user_id=0,group_id=0,fd="+strconv.Itoa(fd)); err != nil {
		unix.Close(fd)
		t.Fatal(err)
	}
	closed := false
	abort = func() {
		if !closed {
			unix.Close(fd) // every request fails with ECONNABORTED or ENOTCONN
			closed = true
		}
	}
	t.Cleanup(func() {
		abort()
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, abort
}

// J37, C32: a freeze that does not succeed in time is taken back, and its error names the process and what it waits in.
func TestFreezeTimeout(t *testing.T) {
	host, m := scratch(t)
	if host.Unified() == "" {
		t.Skip("the freezer of cgroup v1 stops a process in such a wait too")
	}
	dir, abort := deadFileServer(t)
	stuck, other := cgrouptest.Start(t, m), cgrouptest.Start(t, m)
	answered := make(chan string, 1)
	go func() { answered <- stuck.Ask("open %s/file %d", dir, unix.O_RDONLY) }()
	waits := func() bool {
		threads, _ := filepath.Glob("/proc/" + strconv.Itoa(stuck.Pid()) + "/task/*/wchan")
		return slices.ContainsFunc(threads, func(thread string) bool {
			wchan, err := os.ReadFile(thread)
			return err == nil && (strings.Contains(string(wchan), "fuse") || strings.Contains(string(wchan), "request_wait"))
		})
	}
	for deadline := time.Now().Add(10 * time.Second); !waits(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the process does not wait for the file server")
		}
	}
	err := m.Freeze(100 * time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) {
		t.Fatalf("freeze: %v", err)
	}
	if !strings.Contains(err.Error(), "did not stop: "+strconv.Itoa(stuck.Pid())+" in ") || strings.Contains(err.Error(), strconv.Itoa(other.Pid())) {
		t.Errorf("the error should name %d alone: %v", stuck.Pid(), err)
	}
	if got := other.Ask("ping"); got != "ok" {
		t.Errorf("the other process was left frozen: %q", got)
	}
	abort()
	if got := <-answered; got == "ok" || got == "" {
		t.Errorf("open: %q", got)
	}
}

// C32: a host without a freezer is an error that says where it was looked for.
func TestFreezeWithoutFreezer(t *testing.T) {
	m, err := cgroups.Load(cgroups.Saved{Path: "/x", Hierarchies: []cgroups.SavedHierarchy{{Mount: "/nosuch/memory", Controllers: "memory"}}})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Freeze(time.Second)
	if !errors.Is(err, fault.ErrNotSupported) || !strings.Contains(err.Error(), "freezer") || !strings.Contains(err.Error(), "/nosuch/memory") {
		t.Errorf("freeze: %v", err)
	}
	if err := errors.Join(m.Thaw(), m.AwaitThawed(time.Second)); err != nil {
		t.Errorf("thaw of what cannot be frozen: %v", err)
	}
}
