package cgroups_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/cgroups"
)

// snapshot reads the files of a cgroup that an update of this test may touch, wherever they are.
func snapshot(t *testing.T, host *cgroups.Host, m *cgroups.Manager) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, point := range mountPoints(host) {
		for _, pattern := range []string{"memory.*max", "memory.low", "memory.high", "memory.*limit_in_bytes", "cpu.max*", "cpu.weight", "cpu.idle", "cpu.shares", "cpu.cfs_*",
			"cpuset.cpus", "cpuset.mems", "pids.max", "cgroup.max.*", "memory.swappiness", "blkio.throttle.*_device", "io.max"} {
			paths, err := filepath.Glob(filepath.Join(point+m.Path(), pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if text, err := os.ReadFile(path); err == nil {
					files[path] = string(text)
				}
			}
		}
	}
	return files
}

// JU9: whatever an update has written, undo puts back, after a failure in the middle and after success; and an update that
// resets everything leads to what a new cgroup has (JU12).
func TestUpdateUndo(t *testing.T) {
	host, m := scratch(t)
	first := snapshot(t, host, m)
	var r specs.LinuxResources
	var reset []string
	has := func(controller string) bool { dir, _ := dirOf(host, m, controller); return dir != "" }
	if has("memory") {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(64 << 20)), Reservation: ptr(int64(8 << 20))}
		reset = append(reset, "/memory/reservation")
	}
	if has("cpu") {
		r.CPU = &specs.LinuxCPU{Shares: ptr(uint64(77)), Quota: ptr(int64(5000)), Period: ptr(uint64(20000)), Burst: ptr(uint64(100))}
	}
	if has("cpuset") {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		r.CPU.Cpus, r.CPU.Mems = "0", "0"
		reset = append(reset, "/cpu/cpus", "/cpu/mems")
	}
	if has("pids") {
		r.Pids = &specs.LinuxPids{Limit: ptr(int64(9))}
	}
	if host.Unified() != "" {
		r.Unified = map[string]string{"cgroup.max.depth": "3", "cgroup.max.descendants": "4"}
		reset = append(reset, "/unified/cgroup.max.depth", "/unified/cgroup.max.descendants")
	}
	same := func(step string, want map[string]string) {
		t.Helper()
		for path, now := range snapshot(t, host, m) {
			if now != want[path] {
				t.Errorf("%s: %s holds %q, want %q", step, path, now, want[path])
			}
		}
	}
	undo, err := m.Update(&cgroups.Change{Set: &r})
	if err != nil {
		t.Fatal(err)
	}
	changed := snapshot(t, host, m)
	different := 0
	for path := range first {
		if first[path] != changed[path] {
			different++
		}
	}
	if different < 2 {
		t.Fatalf("the update has changed %d files", different)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	same("undone", first)

	if _, err := m.Update(&cgroups.Change{Set: &r}); err != nil {
		t.Fatal(err)
	}
	failing := specs.LinuxResources{Unified: map[string]string{"cgroup.max.depth": "7", "cgroup.max.descendants": "x"}}
	if host.Unified() == "" {
		failing = specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(99)), Cpus: "4000"}}
	}
	undo, err = m.Update(&cgroups.Change{Set: &failing, Reset: reset})
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ERANGE) {
		t.Fatalf("the update that should fail: %v", err)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	same("failed and undone", changed)

	if _, err := m.Update(&cgroups.Change{Set: &specs.LinuxResources{}, Reset: reset}); err != nil {
		t.Fatal(err)
	}
	now := snapshot(t, host, m)
	for path, value := range first {
		for _, name := range []string{"memory.low", "memory.soft_limit_in_bytes", "cpuset.cpus", "cpuset.mems", "cgroup.max.depth", "cgroup.max.descendants"} {
			if filepath.Base(path) == name && now[path] != value {
				t.Errorf("reset: %s holds %q, want %q", path, strings.TrimSpace(now[path]), strings.TrimSpace(value))
			}
		}
	}
}
