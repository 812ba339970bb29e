package v1

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

func ptr[T any](v T) *T { return &v }

// text writes a list of writes as "file=value", with "?" after an attempt and "|" before what is done instead.
func text(writes []limit.Write) string {
	var words []string
	for _, w := range writes {
		word := w.File + "=" + w.Value
		if w.Attempt {
			word += "?"
		}
		if w.Else != nil {
			word += "|" + w.Else.File + "=" + w.Else.Value
		}
		words = append(words, word)
	}
	return strings.Join(words, "; ")
}

// J4: the conversions for hybrid and v1 hosts.
func TestWrites(t *testing.T) {
	memory := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	for _, tc := range []struct {
		name    string
		r       specs.LinuxResources
		want    string
		wantErr string // the pointer
	}{
		{name: "nothing", r: specs.LinuxResources{}},
		{name: "limit", r: memory(specs.LinuxMemory{Limit: ptr(int64(100))}), want: "memory.limit_in_bytes=100"},
		{
			name: "limit and swap, either may have to come first", r: memory(specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(150))}),
			want: "memory.memsw.limit_in_bytes=150?; memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=150",
		},
		{
			name: "unlimited memory takes swap along", r: memory(specs.LinuxMemory{Limit: ptr(int64(-1))}),
			want: "memory.memsw.limit_in_bytes=-1?; memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=-1",
		},
		{
			name: "J18 J19 what only v1 has",
			r: memory(specs.LinuxMemory{
				Reservation: ptr(int64(5)), KernelTCP: ptr(int64(6)), Swappiness: ptr(uint64(0)), DisableOOMKiller: ptr(true), UseHierarchy: ptr(true),
			}),
			want: "memory.soft_limit_in_bytes=5; memory.kmem.tcp.limit_in_bytes=6; memory.swappiness=0; memory.oom_control=1; memory.use_hierarchy=1",
		},
		{name: "J19 swappiness too large", r: memory(specs.LinuxMemory{Swappiness: ptr(uint64(101))}), wantErr: "/linux/resources/memory/swappiness"},
		{name: "shares", r: cpu(specs.LinuxCPU{Shares: ptr(uint64(1024))}), want: "cpu.shares=1024"},
		{
			name: "bandwidth", r: cpu(specs.LinuxCPU{Quota: ptr(int64(5)), Period: ptr(uint64(6)), Burst: ptr(uint64(4))}),
			want: "cpu.cfs_burst_us=4?; cpu.cfs_period_us=6?; cpu.cfs_quota_us=5; cpu.cfs_burst_us=4; cpu.cfs_period_us=6",
		},
		{name: "period alone", r: cpu(specs.LinuxCPU{Period: ptr(uint64(6))}), want: "cpu.cfs_period_us=6"},
		{
			name: "J26 realtime", r: cpu(specs.LinuxCPU{RealtimePeriod: ptr(uint64(9)), RealtimeRuntime: ptr(int64(5))}),
			want: "cpu.rt_period_us=9?; cpu.rt_runtime_us=5; cpu.rt_period_us=9",
		},
		{name: "idle", r: cpu(specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(2))}), want: "cpu.shares=2?; cpu.idle=1"},
		{
			name: "J29 J31 weights", r: specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(10)), LeafWeight: ptr(uint16(20))}},
			want: "blkio.bfq.weight=10|blkio.weight=10; blkio.bfq.leaf_weight=20|blkio.leaf_weight=20",
		},
		{
			name: "J32 throttle", r: specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{
				{LinuxBlockIODevice: specs.LinuxBlockIODevice{Major: 8, Minor: 0}, Rate: 7},
			}}},
			want: "blkio.throttle.write_bps_device=8:0 7",
		},
		{
			name: "J33 huge pages", r: specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "1GB"}}},
			want: "hugetlb.1GB.limit_in_bytes=0; hugetlb.1GB.rsvd.limit_in_bytes=0",
		},
		{
			name: "J34 network", r: specs.LinuxResources{Network: &specs.LinuxNetwork{
				ClassID: ptr(uint32(1048577)), Priorities: []specs.LinuxInterfacePriority{{Name: "eth0", Priority: 5}},
			}},
			want: "net_cls.classid=1048577; net_prio.ifpriomap=eth0 5",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var all []limit.Write
			var err error
			for _, controller := range limit.Controllers() {
				var writes []limit.Write
				if writes, err = Writes(controller, &tc.r); err != nil {
					break
				}
				all = append(all, writes...)
			}
			var e *fault.Error
			if tc.wantErr != "" && (!errors.As(err, &e) || e.Pointer != tc.wantErr) || tc.wantErr == "" && err != nil {
				t.Errorf("error %v, want one at %q", err, tc.wantErr)
			}
			if got := text(all); tc.wantErr == "" && got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
