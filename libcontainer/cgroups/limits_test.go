package cgroups_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
)

func ptr[T any](v T) *T { return &v }

// scratch makes a cgroup that is removed at the end of the test.
func scratch(t *testing.T) (*cgroups.Host, *cgroups.Manager) {
	t.Helper()
	requireRoot(t)
	host := detect(t)
	m := host.New("/tare-test-limits-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36))
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.Kill(), m.Destroy(5*time.Second)); err != nil {
			t.Error(err)
		}
		m.Close()
	})
	return host, m
}

// dirOf returns where a controller of the cgroup is, and whether that is cgroup v1; "" where it is nowhere.
func dirOf(host *cgroups.Host, m *cgroups.Manager, controller string) (dir string, v1 bool) {
	if mount := host.V1()[controller]; mount != "" {
		return mount + m.Path(), true
	}
	enabled, _ := os.ReadFile(filepath.Join(m.UnifiedPath(), "cgroup.controllers"))
	for _, name := range strings.Fields(string(enabled)) {
		if name == controller {
			return m.UnifiedPath(), false
		}
	}
	return "", false
}

// TestLimits sets limits twice, so that they grow and shrink, and reads back what the kernel made of them. A controller
// that this machine does not have must be an error.
func TestLimits(t *testing.T) {
	const mib = 1 << 20
	type row struct {
		name, controller string
		resources        specs.LinuxResources
		v1, v2           map[string]string
	}
	memory := func(limit, swap int64) specs.LinuxResources {
		return specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(limit), Swap: ptr(swap)}}
	}
	cpu := func(quota int64, period, burst uint64) specs.LinuxResources {
		return specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(quota), Period: ptr(period), Burst: ptr(burst)}}
	}
	host, m := scratch(t) // one for all rows, so that each row meets what the one before left
	for _, tc := range []row{
		{
			"J15 J17 memory", "memory", memory(64*mib, 64*mib),
			map[string]string{"memory.limit_in_bytes": "67108864"},
			map[string]string{"memory.max": "67108864"},
		},
		{
			"J15 memory grows", "memory", memory(128*mib, 256*mib),
			map[string]string{"memory.limit_in_bytes": "134217728"},
			map[string]string{"memory.max": "134217728"},
		},
		{
			"J15 memory shrinks", "memory", memory(32*mib, 32*mib),
			map[string]string{"memory.limit_in_bytes": "33554432"},
			map[string]string{"memory.max": "33554432"},
		},
		{
			"J17 no limit", "memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}},
			map[string]string{"memory.limit_in_bytes": "9223372036854771712"},
			map[string]string{"memory.max": "max"},
		},
		{
			"J16 reservation", "memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Reservation: ptr(int64(16 * mib))}},
			map[string]string{"memory.soft_limit_in_bytes": "16777216"},
			map[string]string{"memory.low": "16777216"},
		},
		{
			"J22 shares", "cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(2048))}},
			map[string]string{"cpu.shares": "2048"},
			map[string]string{"cpu.weight": "174"},
		},
		{
			"J23 J24 quota, period, burst", "cpu", cpu(20000, 50000, 10000),
			map[string]string{"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "50000", "cpu.cfs_burst_us": "10000"},
			map[string]string{"cpu.max": "20000 50000", "cpu.max.burst": "10000"},
		},
		{
			"J24 all three grow", "cpu", cpu(80000, 100000, 60000),
			map[string]string{"cpu.cfs_quota_us": "80000", "cpu.cfs_period_us": "100000", "cpu.cfs_burst_us": "60000"},
			map[string]string{"cpu.max": "80000 100000", "cpu.max.burst": "60000"},
		},
		{
			"J24 all three shrink", "cpu", cpu(10000, 20000, 5000),
			map[string]string{"cpu.cfs_quota_us": "10000", "cpu.cfs_period_us": "20000", "cpu.cfs_burst_us": "5000"},
			map[string]string{"cpu.max": "10000 20000", "cpu.max.burst": "5000"},
		},
		{
			"J23 period alone", "cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(40000))}},
			map[string]string{"cpu.cfs_quota_us": "10000", "cpu.cfs_period_us": "40000"},
			map[string]string{"cpu.max": "10000 40000"},
		},
		{
			"J25 idle wins over shares", "cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(512))}},
			map[string]string{"cpu.idle": "1"},
			map[string]string{"cpu.idle": "1"},
		},
		{
			"J25 idle again, with shares", "cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(256))}},
			map[string]string{"cpu.idle": "1"},
			map[string]string{"cpu.idle": "1"},
		},
		{
			"J25 no longer idle", "cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: ptr(int64(0)), Shares: ptr(uint64(1024))}},
			map[string]string{"cpu.idle": "0", "cpu.shares": "1024"},
			map[string]string{"cpu.idle": "0", "cpu.weight": "100"},
		},
		{
			"J27 cpuset", "cpuset", specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0", Mems: "0"}},
			map[string]string{"cpuset.cpus": "0", "cpuset.mems": "0"},
			map[string]string{"cpuset.cpus": "0", "cpuset.mems": "0"},
		},
		{
			"J28 pids", "pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(20))}},
			map[string]string{"pids.max": "20"}, map[string]string{"pids.max": "20"},
		},
		{
			"J28 no tasks at all", "pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}},
			map[string]string{"pids.max": "0"}, map[string]string{"pids.max": "0"},
		},
		{
			"J28 no limit", "pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}},
			map[string]string{"pids.max": "max"}, map[string]string{"pids.max": "max"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, v1 := dirOf(host, m, tc.controller)
			err := m.Set(&tc.resources)
			if dir == "" {
				if !errors.Is(err, fault.ErrNotSupported) {
					t.Errorf("no such controller here, yet the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tc.v2
			if v1 {
				want = tc.v1
			}
			for file, value := range want {
				got, err := os.ReadFile(filepath.Join(dir, file))
				if text := strings.TrimSpace(string(got)); text != value {
					t.Errorf("%s: %q, want %q (%v)", file, text, value, err)
				}
			}
		})
	}
}

// A refused value is an error with pointer, file, errno and what would be accepted.
func TestLimitRefused(t *testing.T) {
	host, m := scratch(t)
	if dir, _ := dirOf(host, m, "cpuset"); dir == "" {
		t.Skip("no cpuset controller")
	}
	err := m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4095"}})
	var e *fault.Error
	if !errors.As(err, &e) || e.Pointer != "/linux/resources/cpu/cpus" || e.Hint == "" ||
		!strings.HasSuffix(e.Path, "/cpuset.cpus") || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ERANGE) {
		t.Errorf("error %v", err)
	}
}

// J28: the limit holds for what runs in the cgroup.
func TestPidsLimitHolds(t *testing.T) {
	host, m := scratch(t)
	if dir, _ := dirOf(host, m, "pids"); dir == "" {
		t.Skip("no pids controller")
	}
	p := cgrouptest.Start(t, m)
	if got := p.Ask("fork"); got != "ok" {
		t.Fatalf("fork without a limit: %q", got)
	}
	if err := m.Set(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}); err != nil {
		t.Fatal(err)
	}
	if got := p.Ask("fork"); !strings.Contains(got, "resource temporarily unavailable") {
		t.Errorf("fork at the limit: %q", got)
	}
}

// J36 on a machine whose controllers are in v1: the error says where the controller is.
func TestUnifiedElsewhere(t *testing.T) {
	host, m := scratch(t)
	if host.V1()["memory"] == "" || host.Unified() == "" {
		t.Skip("needs the memory controller in v1 beside a unified hierarchy")
	}
	err := m.Set(&specs.LinuxResources{Unified: map[string]string{"memory.high": "max"}})
	if !errors.Is(err, fault.ErrNotSupported) || !strings.Contains(err.Error(), host.V1()["memory"]) {
		t.Errorf("error %v", err)
	}
}
