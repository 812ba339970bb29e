package integration

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limitFile is where a limit is, in either dialect.
type limitFile struct{ v1, v2 string }

// limitCase is one limit: what to set, and what the control file holds then. A text with a question mark in front is in the
// error instead, because the dialect has no means for the limit.
type limitCase struct {
	row, controller string
	set             func(*specs.LinuxResources)
	file            limitFile
	v1, v2          string
}

func memoryLimit(m specs.LinuxMemory) func(*specs.LinuxResources) {
	return func(r *specs.LinuxResources) { r.Memory = &m }
}

func cpuLimit(c specs.LinuxCPU) func(*specs.LinuxResources) {
	return func(r *specs.LinuxResources) { r.CPU = &c }
}

func ioLimit(b specs.LinuxBlockIO) func(*specs.LinuxResources) {
	return func(r *specs.LinuxResources) { r.BlockIO = &b }
}

// J15 to J35: limits are in the files of the controller, wherever that is mounted. A controller that no hierarchy has is an
// error, which names it, and so is a setting that a dialect has no means for; nothing is ignored.
func TestLimits(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []limitCase{
		{"J15 memory", "memory", memoryLimit(specs.LinuxMemory{Limit: new(int64(64 * mib))}), memoryMax, "67108864", "67108864"},
		{"J15 none", "memory", memoryLimit(specs.LinuxMemory{Limit: new(int64(-1))}), memoryMax, v1Max, "max"},
		{"J16 reservation", "memory", memoryLimit(specs.LinuxMemory{Reservation: new(int64(32 * mib))}), memoryLow, "33554432", "33554432"},
		{"J17 swap", "memory", memoryLimit(specs.LinuxMemory{Limit: new(int64(64 * mib)), Swap: new(int64(96 * mib))}), memorySwap, "100663296", "33554432"},
		{"J17 no swap", "memory", memoryLimit(specs.LinuxMemory{Limit: new(int64(64 * mib)), Swap: new(int64(64 * mib))}), memorySwap, "67108864", "0"},
		{"J17 swap without a limit", "memory", memoryLimit(specs.LinuxMemory{Limit: new(int64(64 * mib)), Swap: new(int64(-1))}), memorySwap, v1Max, "max"},
		{"J17 swap alone", "memory", memoryLimit(specs.LinuxMemory{Swap: new(int64(64 * mib))}), memorySwap, "?memory.memsw.limit_in_bytes", "?needs one for memory"},
		{"J18 kernel", "memory", memoryLimit(specs.LinuxMemory{Kernel: new(int64(64 * mib))}), limitFile{"memory.kmem.limit_in_bytes", ""}, "67108864", "?counts kernel memory"},
		{"J18 tcp", "memory", memoryLimit(specs.LinuxMemory{KernelTCP: new(int64(64 * mib))}), limitFile{"memory.kmem.tcp.limit_in_bytes", ""}, "67108864", "?counts socket buffers"},
		{"J19 swappiness", "memory", memoryLimit(specs.LinuxMemory{Swappiness: new(uint64(30))}), limitFile{"memory.swappiness", ""}, "30", "?no swappiness"},
		{"J19 OOM killer", "memory", memoryLimit(specs.LinuxMemory{DisableOOMKiller: new(true)}), limitFile{"memory.oom_control", ""}, "oom_kill_disable 1", "?cannot disable"},
		{"J19 hierarchy", "memory", memoryLimit(specs.LinuxMemory{UseHierarchy: new(false)}), limitFile{"memory.use_hierarchy", ""}, "0", "?always counts hierarchically"},
		{"J22 shares", "cpu", cpuLimit(specs.LinuxCPU{Shares: new(uint64(1024))}), cpuWeight, "1024", "100"},
		{"J22 least shares", "cpu", cpuLimit(specs.LinuxCPU{Shares: new(uint64(2))}), cpuWeight, "2", "1"},
		{"J22 most shares", "cpu", cpuLimit(specs.LinuxCPU{Shares: new(uint64(262144))}), cpuWeight, "262144", "10000"},
		{"J23 quota", "cpu", cpuLimit(specs.LinuxCPU{Quota: new(int64(50000)), Period: new(uint64(200000))}), cpuQuota, "50000", "50000 200000"},
		{"J23 quota alone", "cpu", cpuLimit(specs.LinuxCPU{Quota: new(int64(50000))}), cpuQuota, "50000", "50000 100000"},
		{"J23 period alone", "cpu", cpuLimit(specs.LinuxCPU{Period: new(uint64(50000))}), cpuPeriod, "50000", "max 50000"},
		{"J24 burst", "cpu", cpuLimit(specs.LinuxCPU{Quota: new(int64(50000)), Burst: new(uint64(20000))}), cpuBurst, "20000", "20000"},
		{"J24 burst above the quota", "cpu", cpuLimit(specs.LinuxCPU{Quota: new(int64(50000)), Burst: new(uint64(60000))}), cpuBurst, "?burst", "?burst"},
		{"J25 idle", "cpu", cpuLimit(specs.LinuxCPU{Idle: new(int64(1)), Shares: new(uint64(2048))}), cpuIdle, "1", "1"},
		{"J26 realtime", "cpu", cpuLimit(specs.LinuxCPU{RealtimeRuntime: new(int64(1000))}), limitFile{"cpu.rt_runtime_us", ""}, "1000", "?no realtime"},
		{"J26 period", "cpu", cpuLimit(specs.LinuxCPU{RealtimePeriod: new(uint64(500000))}), limitFile{"cpu.rt_period_us", ""}, "500000", "?no realtime"},
		{"J27 cpus", "cpuset", cpuLimit(specs.LinuxCPU{Cpus: "0"}), cpusetCPUs, "0", "0"},
		{"J27 nodes", "cpuset", cpuLimit(specs.LinuxCPU{Mems: "0"}), limitFile{"cpuset.mems", "cpuset.mems"}, "0", "0"},
		{"J27 no such CPU", "cpuset", cpuLimit(specs.LinuxCPU{Cpus: "5000"}), cpusetCPUs, "?cpuset.cpus", "?cpuset.cpus"},
		{"J28 pids", "pids", func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(77))} }, pidsMax, "77", "77"},
		{"J28 none", "pids", func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(-1))} }, pidsMax, "max", "max"},
		{"J28 zero", "pids", func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(0))} }, pidsMax, "0", "0"},
		{"J31 leaf weight", "blkio", ioLimit(specs.LinuxBlockIO{LeafWeight: new(uint16(100))}), limitFile{"blkio.leaf_weight", ""}, "100", "?cgroup v1 only"},
		{"J33 huge pages", "hugetlb", func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 * mib}}
		}, limitFile{"hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"}, "4194304", "4194304"},
		{"J33 reserved huge pages", "hugetlb", func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 * mib}}
		}, limitFile{"hugetlb.2MB.rsvd.limit_in_bytes", "hugetlb.2MB.rsvd.max"}, "4194304", "4194304"},
		{"J33 pages of no size", "hugetlb", func(r *specs.LinuxResources) {
			r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "3MB", Limit: 4 * mib}}
		}, limitFile{}, "?3MB", "?3MB"},
		{"J34 class", "net_cls", func(r *specs.LinuxResources) { r.Network = &specs.LinuxNetwork{ClassID: new(uint32(0x100001))} },
			limitFile{"net_cls.classid", ""}, "1048577", "?network"},
		{"J34 priorities", "net_prio", func(r *specs.LinuxResources) {
			r.Network = &specs.LinuxNetwork{Priorities: []specs.LinuxInterfacePriority{{Name: "lo", Priority: 5}}}
		}, limitFile{"net_prio.ifpriomap", ""}, "lo 5", "?network"},
	} {
		t.Run(test.row, func(t *testing.T) { test.check(t) })
	}
}

// check creates a container with the limit and looks at the file.
func (c *limitCase) check(t *testing.T) {
	t.Helper()
	b := newBundle(t, withResources(c.set))
	mount, unified := controllerMount(t, c.controller)
	if c.controller == "blkio" && mount == "" {
		mount, unified = controllerMount(t, "io")
	}
	file, want := c.file.v1, c.v1
	if unified || mount == "" && unifiedMount(t) != "" {
		file, want = c.file.v2, c.v2
	}
	reason, refused := strings.CutPrefix(want, "?")
	r := b.try("create")
	if r.status == 0 && mount != "" && !refused {
		b.stdout = r.stdoutFile
		got := strings.TrimSpace(read(t, filepath.Join(mount, b.id, file)))
		if got != want && !strings.Contains("\n"+got+"\n", "\n"+want+"\n") {
			t.Errorf("%s is %q, want a line %q", file, got, want)
		}
		return
	}
	r.fails("/linux/resources/")
	b.nothingLeft()
	message := r.message()
	switch {
	case refused && strings.Contains(message, reason):
	case mount == "" && strings.Contains(message, `cgroup controller "`):
	case c.file.v2 == "" && strings.Contains(message, "memory.kmem.limit_in_bytes") && strings.Contains(message, "has no effect"):
	case c.file.v2 == "" && !unified && strings.Contains(message, file): // the files of v1 go with the years
	default:
		t.Errorf("message %q", message)
	}
}

// disk is a whole disk of the host, "major:minor"; "" where there is none.
func disk(t *testing.T) (number string, major, minor int64) {
	t.Helper()
	devices, err := filepath.Glob("/sys/block/*/dev")
	must(t, err)
	for _, file := range devices {
		if strings.HasPrefix(file, "/sys/block/loop") || strings.HasPrefix(file, "/sys/block/zram") {
			continue // throttling them is throttling what they lie on, or nothing
		}
		number = strings.TrimSpace(read(t, file))
		first, second, _ := strings.Cut(number, ":")
		return number, int64(atoi(t, first)), int64(atoi(t, second))
	}
	return "", 0, 0
}

// J29 J30 J32: weights and rates of block devices. A weight needs an I/O scheduler that knows weights; where none is there
// the kernel has no file, and asking for one is an error.
func TestBlockIOLimits(t *testing.T) {
	mount, unified := controllerMount(t, "blkio")
	if mount == "" {
		mount, unified = controllerMount(t, "io")
	}
	if mount == "" {
		b := newBundle(t, withResources(ioLimit(specs.LinuxBlockIO{Weight: new(uint16(500))})))
		b.try("create").fails("/linux/resources/blockIO/weight", `cgroup controller "io"`)
		b.nothingLeft()
		return
	}
	number, major, minor := disk(t)
	skipUnless(t, number != "", "there is no disk")
	rate := specs.LinuxThrottleDevice{Rate: 1 << 20}
	rate.Major, rate.Minor = major, minor
	list := []specs.LinuxThrottleDevice{rate}
	b := newBundle(t, withResources(ioLimit(specs.LinuxBlockIO{
		ThrottleReadBpsDevice: list, ThrottleWriteBpsDevice: list, ThrottleReadIOPSDevice: list, ThrottleWriteIOPSDevice: list,
	})))
	b.create()
	if unified {
		wants(t, "io.max", strings.TrimSpace(read(t, filepath.Join(mount, b.id, "io.max"))), number+" rbps=1048576 wbps=1048576 riops=1048576 wiops=1048576")
	} else {
		for _, file := range []string{"read_bps_device", "write_bps_device", "read_iops_device", "write_iops_device"} {
			wants(t, file, strings.TrimSpace(read(t, filepath.Join(mount, b.id, "blkio.throttle."+file))), number+" 1048576")
		}
	}
	b.updateFrom(`{"blockIO": {"throttleReadBpsDevice": [{"major": ` + itoa(int(major)) + `, "minor": ` + itoa(int(minor)) + `, "rate": 2097152}]}}`).succeeds()
	b.stop()

	rate.Major, rate.Minor = 4095, 77
	none := newBundle(t, withResources(ioLimit(specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{rate}})))
	none.try("create").fails("/linux/resources/blockIO/throttleReadBpsDevice/0", "4095:77")
	none.nothingLeft()

	weights := limitFile{"blkio.bfq.weight", "io.bfq.weight"}
	weighted := newBundle(t, withResources(ioLimit(specs.LinuxBlockIO{Weight: new(uint16(500))})))
	r := weighted.try("create")
	file, want := weights.v1, "500"
	if unified {
		if file, want = weights.v2, "default 500"; !exists(filepath.Join(mount, "vm", file)) && !exists(filepath.Join(mount, weighted.id, file)) {
			file, want = "io.weight", "default 4950"
		}
	}
	switch _, err := os.Stat(filepath.Join(mount, weighted.id, file)); {
	case errors.Is(err, os.ErrNotExist):
		r.fails("/linux/resources/blockIO/weight", "no such file or directory")
		weighted.nothingLeft()
	default:
		r.succeeds()
		wants(t, file, strings.TrimSpace(read(t, filepath.Join(mount, weighted.id, file))), want)
	}
}

// J29: a weight is from 10 to 1000, whatever the kernel would take.
func TestBlockIOWeightRange(t *testing.T) {
	if mount, _ := controllerMount(t, "io"); mount == "" {
		t.Skip("cgroup v1 leaves the range to the kernel") // package v2 has the table
	}
	for _, weight := range []uint16{1, 9, 1001} {
		b := newBundle(t, withResources(ioLimit(specs.LinuxBlockIO{Weight: &weight})))
		b.try("create").fails("/linux/resources/blockIO/weight", "10 to 1000")
		b.nothingLeft()
	}
}

// J35: a limit of RDMA resources needs the controller, and the device.
func TestRdmaLimits(t *testing.T) {
	b := newBundle(t, withResources(func(r *specs.LinuxResources) {
		r.Rdma = map[string]specs.LinuxRdma{"nosuch0": {HcaHandles: new(uint32(3))}}
	}))
	b.try("create").fails("/linux/resources/rdma")
	b.nothingLeft()
}

// J20: with checkBeforeUpdate a limit below the usage is refused, and the old one stays.
func TestCheckBeforeUpdate(t *testing.T) {
	mount, _ := controllerMount(t, "memory")
	if mount == "" {
		t.Skip("no hierarchy has the memory controller; TestLimits demands the error")
	}
	b := newBundle(t, withArgs("sleep", "600"), withResources(memoryLimit(specs.LinuxMemory{Limit: new(int64(64 << 20))})))
	b.create().start()
	b.updateFrom(`{"memory": {"limit": 4096, "checkBeforeUpdate": true}}`).fails("/memory/limit", "the usage is already")
	wants(t, "limit", b.limit("memory", memoryMax), "67108864")
}

// J15 J21: a container runs under a limit of 6 MiB; one that leaves no room for init says so, and leaves nothing.
func TestSmallMemoryLimit(t *testing.T) {
	if mount, _ := controllerMount(t, "memory"); mount == "" {
		t.Skip("no hierarchy has the memory controller; TestLimits demands the error")
	}
	limited := func(bytes int64) option { return withResources(memoryLimit(specs.LinuxMemory{Limit: &bytes})) }
	b := newBundle(t, limited(6<<20), withShell("echo runs"))
	wants(t, "output", b.output(), "runs")
	detached := newBundle(t, limited(6<<20))
	detached.create().start()
	wants(t, "exec", detached.execs("echo too"), "too")
	for _, bytes := range []int64{4 << 10, 64 << 10} {
		small := newBundle(t, limited(bytes))
		r := small.try("create").fails("/linux/resources/memory/limit")
		// cgroup v1 refuses a limit below the usage; v2 takes it and kills.
		if !strings.Contains(r.message(), "container init was OOM-killed (memory limit too low?)") && !strings.Contains(r.message(), "memory.limit_in_bytes") {
			t.Errorf("message %q", r.message())
		}
		small.nothingLeft()
	}
}
