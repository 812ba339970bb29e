package cgroups

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// R3: what a container without a cgroup must not ask for, and what asks for nothing.
func TestFirstLimit(t *testing.T) {
	for _, tc := range []struct {
		name                string
		resources           specs.LinuxResources
		controller, pointer string // below /linux/resources
	}{
		{name: "nothing"},
		{name: "device rules", resources: specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}},
		{name: "empty entries", resources: specs.LinuxResources{
			Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}, Network: &specs.LinuxNetwork{},
			Unified: map[string]string{}, Rdma: map[string]specs.LinuxRdma{},
		}},
		{name: "no limit", resources: specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: ptr(int64(-1)), Swap: ptr(int64(-1)), Reservation: ptr(int64(-1))}, CPU: &specs.LinuxCPU{Quota: ptr(int64(-1))},
			Pids: &specs.LinuxPids{Limit: ptr(int64(-1))},
		}},
		{name: "zero is unset", resources: specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: ptr(int64(0)), DisableOOMKiller: ptr(false), UseHierarchy: ptr(true)}, CPU: &specs.LinuxCPU{Shares: ptr(uint64(0))},
		}},
		{"memory", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(1))}}, "memory", "/memory/limit"},
		{"swap", specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(1))}}, "memory", "/memory/swap"},
		{"swappiness", specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(0))}}, "memory", "/memory/swappiness"},
		{"swappiness that is none", specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(101))}}, "memory", "/memory/swappiness"},
		{"shares", specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(2))}}, "cpu", "/cpu/shares"},
		{"cpuset", specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0"}}, "cpuset", "/cpu/cpus"},
		{"no process at all", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}, "pids", "/pids/limit"},
		{"weight", specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(10))}}, "io", "/blockIO/weight"},
		{"huge pages", specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB"}}}, "hugetlb", "/hugepageLimits/0"},
		{"rdma", specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"mlx5_0": {HcaHandles: ptr(uint32(3))}}}, "rdma", "/rdma/mlx5_0"},
		{"class", specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: ptr(uint32(1))}}, "net_cls", "/network/classID"},
		{"unified", specs.LinuxResources{Unified: map[string]string{"memory.high": "max"}}, "cgroup", "/unified"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.pointer
			if want != "" {
				want = "/linux/resources" + want
			}
			if controller, pointer := FirstLimit(&tc.resources); controller != tc.controller || pointer != want {
				t.Errorf("got %q at %q, want %q at %q", controller, pointer, tc.controller, want)
			}
		})
	}
}
