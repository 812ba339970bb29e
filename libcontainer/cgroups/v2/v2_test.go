package v2

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
		if w.Complete != nil {
			word += w.Complete("OLD-QUOTA OLD-PERIOD")
		}
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

func TestWrites(t *testing.T) {
	memory := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	io := func(b specs.LinuxBlockIO) specs.LinuxResources { return specs.LinuxResources{BlockIO: &b} }
	disk := specs.LinuxBlockIODevice{Major: 8, Minor: 16}
	for _, tc := range []struct {
		name    string
		r       specs.LinuxResources
		want    string
		wantErr string // the pointer
	}{
		{name: "nothing", r: specs.LinuxResources{}},
		{name: "J15 zero is unset", r: memory(specs.LinuxMemory{Limit: ptr(int64(0)), Swap: ptr(int64(0))})},
		{name: "J15 limit", r: memory(specs.LinuxMemory{Limit: ptr(int64(100))}), want: "memory.max=100"},
		{name: "J16 reservation", r: memory(specs.LinuxMemory{Reservation: ptr(int64(-1))}), want: "memory.low=max"},
		{name: "J17 difference", r: memory(specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(130))}), want: "memory.swap.max=30; memory.max=100"},
		{name: "J17 equal", r: memory(specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(100))}), want: "memory.swap.max=0; memory.max=100"},
		{name: "J17 unlimited swap", r: memory(specs.LinuxMemory{Swap: ptr(int64(-1))}), want: "memory.swap.max=max"},
		{name: "J17 unlimited memory takes swap along", r: memory(specs.LinuxMemory{Limit: ptr(int64(-1))}), want: "memory.swap.max=max; memory.max=max"},
		{name: "J17 swap alone", r: memory(specs.LinuxMemory{Swap: ptr(int64(5))}), wantErr: "/linux/resources/memory/swap"},
		{name: "J17 swap below memory", r: memory(specs.LinuxMemory{Limit: ptr(int64(9)), Swap: ptr(int64(5))}), wantErr: "/linux/resources/memory/swap"},
		{name: "J18 kernel memory", r: memory(specs.LinuxMemory{Kernel: ptr(int64(5))}), wantErr: "/linux/resources/memory/kernel"},
		{name: "J18 no kernel limit", r: memory(specs.LinuxMemory{Kernel: ptr(int64(-1)), KernelTCP: ptr(int64(0))})},
		{name: "J19 swappiness", r: memory(specs.LinuxMemory{Swappiness: ptr(uint64(60))}), wantErr: "/linux/resources/memory/swappiness"},
		{name: "J19 OOM killer stays, as Docker always says", r: memory(specs.LinuxMemory{DisableOOMKiller: ptr(false)})},
		{name: "J19 no OOM killer", r: memory(specs.LinuxMemory{DisableOOMKiller: ptr(true)}), wantErr: "/linux/resources/memory/disableOOMKiller"},

		{name: "J22 shares", r: cpu(specs.LinuxCPU{Shares: ptr(uint64(1024))}), want: "cpu.weight=100"},
		{name: "J23 quota alone", r: cpu(specs.LinuxCPU{Quota: ptr(int64(5000))}), want: "cpu.max=5000"},
		{name: "J23 no quota", r: cpu(specs.LinuxCPU{Quota: ptr(int64(-1)), Period: ptr(uint64(1000))}), want: "cpu.max=max 1000"},
		{name: "J23 period alone", r: cpu(specs.LinuxCPU{Period: ptr(uint64(1000))}), want: "cpu.max=OLD-QUOTA 1000"},
		{name: "J24 burst alone", r: cpu(specs.LinuxCPU{Burst: ptr(uint64(0))}), want: "cpu.max.burst=0"},
		{
			name: "J24 burst and quota", r: cpu(specs.LinuxCPU{Burst: ptr(uint64(7)), Quota: ptr(int64(9))}),
			want: "cpu.max.burst=7?; cpu.max=9; cpu.max.burst=7",
		},
		{
			name: "J25 idle comes last", r: cpu(specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(2))}),
			want: "cpu.weight=1?; cpu.idle=1",
		},
		{
			name: "J25 leaving idle comes first", r: cpu(specs.LinuxCPU{Idle: ptr(int64(0)), Shares: ptr(uint64(2))}),
			want: "cpu.idle=0; cpu.weight=1",
		},
		{name: "J26 realtime", r: cpu(specs.LinuxCPU{RealtimeRuntime: ptr(int64(1))}), wantErr: "/linux/resources/cpu/realtimeRuntime"},
		{name: "J27 cpuset", r: cpu(specs.LinuxCPU{Cpus: "0-1", Mems: "0"}), want: "cpuset.cpus=0-1; cpuset.mems=0"},

		{name: "J28 pids", r: specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-5))}}, want: "pids.max=max"},
		{name: "J28 pids zero", r: specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}, want: "pids.max=0"},
		{name: "J28 pids unset", r: specs.LinuxResources{Pids: &specs.LinuxPids{}}},

		{name: "J29 weight", r: io(specs.LinuxBlockIO{Weight: ptr(uint16(10))}), want: "io.bfq.weight=10|io.weight=1"},
		{name: "J29 weight too large", r: io(specs.LinuxBlockIO{Weight: ptr(uint16(1001))}), wantErr: "/linux/resources/blockIO/weight"},
		{
			name: "J30 device weight",
			r:    io(specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{{LinuxBlockIODevice: disk, Weight: ptr(uint16(1000))}}}),
			want: "io.bfq.weight=8:16 1000|io.weight=8:16 10000",
		},
		{name: "J31 leaf weight", r: io(specs.LinuxBlockIO{LeafWeight: ptr(uint16(10))}), wantErr: "/linux/resources/blockIO/leafWeight"},
		{
			name: "J32 throttle",
			r: io(specs.LinuxBlockIO{
				ThrottleReadBpsDevice:   []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk, Rate: 1000}},
				ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: disk}},
			}),
			want: "io.max=8:16 rbps=1000; io.max=8:16 wiops=max",
		},
		{
			name: "J33 huge pages", r: specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 9}}},
			want: "hugetlb.2MB.max=9; hugetlb.2MB.rsvd.max=9",
		},
		{
			name: "J33 page size is a file name", r: specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "../2MB"}}},
			wantErr: "/linux/resources/hugepageLimits/0/pageSize",
		},
		{
			name: "J34 network class", r: specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: ptr(uint32(1))}},
			wantErr: "/linux/resources/network/classID",
		},
		{
			name: "J35 rdma", r: specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"b": {HcaHandles: ptr(uint32(3))}, "a": {HcaObjects: ptr(uint32(4))}}},
			want: "rdma.max=a hca_object=4; rdma.max=b hca_handle=3",
		},
		{name: "J35 rdma without a limit", r: specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"a": {}}}, wantErr: "/linux/resources/rdma/a"},
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
			if got := text(all); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// J22: the ends, the default, and that more shares are never less weight.
func TestWeight(t *testing.T) {
	for shares, want := range map[uint64]uint64{0: 0, 1: 1, 2: 1, 1024: 100, 2048: 174, 262144: 10000, 1 << 40: 10000} {
		if got := Weight(shares); got != want {
			t.Errorf("%d shares: weight %d, want %d", shares, got, want)
		}
	}
	for shares := uint64(3); shares <= 1<<18; shares++ {
		if w := Weight(shares); w < Weight(shares-1) || w < 1 || w > 10000 {
			t.Fatalf("%d shares: weight %d after %d", shares, w, Weight(shares-1))
		}
	}
}
