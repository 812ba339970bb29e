package stats

import "strings"

// controllerV1 reads what one controller of cgroup v1 counts.
func (r *reader) controllerV1(name string, st *Stats, pageSizes []string) {
	switch name {
	case "cpu":
		r.cpuV1(st)
	case "cpuacct":
		r.cpuacct(st)
	case "cpuset":
		r.cpusetV1(st)
	case "memory":
		r.memoryV1(st)
	case "pids":
		r.pids(st)
	case "blkio":
		r.blkio(st)
	case "rdma":
		r.rdma(st)
	case "hugetlb":
		r.hugetlb(st, pageSizes, r.hugetlbV1)
	}
}

func (r *reader) cpuV1(st *Stats) {
	p := r.pairs("cpu.stat")
	st.CPU.Throttling = Throttling{
		Periods: p["nr_periods"], ThrottledPeriods: p["nr_throttled"], ThrottledTime: p["throttled_time"],
	}
	if bursts, ok := p["nr_bursts"]; ok {
		st.CPU.Burst = &Burst{Periods: bursts, Time: p["burst_time"]}
	}
}

// cpuacct counts in nanoseconds, and for each processor. Its division into user and kernel mode is by clock ticks, so that
// of the unified cgroup, whose parts make up its whole, is better where there is one.
func (r *reader) cpuacct(st *Stats) {
	total, ok := r.number("cpuacct.usage")
	if !ok {
		return
	}
	u := &st.CPU.Usage
	u.Total = total
	if u.User == 0 && u.Kernel == 0 {
		u.User, u.Kernel = r.value("cpuacct.usage_user"), r.value("cpuacct.usage_sys")
	}
	for _, f := range []struct {
		name string
		to   *[]uint64
	}{{"cpuacct.usage_percpu", &u.Percpu}, {"cpuacct.usage_percpu_user", &u.PercpuUser}, {"cpuacct.usage_percpu_sys", &u.PercpuKernel}} {
		text, _ := r.text(f.name)
		if *f.to, ok = parseNumbers(text); !ok {
			r.bad(f.name, quote(text))
		}
	}
}

func (r *reader) cpusetV1(st *Stats) {
	c := &st.Cpuset
	c.CPUs, c.Mems = r.list("cpuset.cpus"), r.list("cpuset.mems")
	for _, f := range []struct {
		name string
		to   *uint64
	}{
		{"cpuset.cpu_exclusive", &c.CPUExclusive}, {"cpuset.mem_exclusive", &c.MemExclusive},
		{"cpuset.mem_hardwall", &c.MemHardwall}, {"cpuset.memory_migrate", &c.MemoryMigrate},
		{"cpuset.memory_spread_page", &c.MemorySpreadPage}, {"cpuset.memory_spread_slab", &c.MemorySpreadSlab},
		{"cpuset.memory_pressure", &c.MemoryPressure}, {"cpuset.sched_load_balance", &c.SchedLoadBalance},
	} {
		*f.to = r.value(f.name)
	}
	// −1 asks for the system's default (cpuset(7)); it is the only number here that may be negative.
	if level, ok := r.number("cpuset.sched_relax_domain_level"); ok {
		c.SchedRelaxDomainLevel = int64(level)
	}
}

func (r *reader) memoryV1(st *Stats) {
	m := &st.Memory
	m.Raw = r.pairs("memory.stat")
	m.Cache = m.Raw["cache"]
	m.Usage = r.memoryEntry("memory.")
	m.Swap = r.memoryEntry("memory.memsw.") // not with swapaccount=0
	m.Kernel = r.memoryEntry("memory.kmem.")
	m.KernelTCP = r.memoryEntry("memory.kmem.tcp.")
	m.Events = eventsFrom(r.pairs("memory.oom_control"))
}

func (r *reader) memoryEntry(prefix string) MemoryEntry {
	return MemoryEntry{
		Usage: r.value(prefix + "usage_in_bytes"), Limit: r.value(prefix + "limit_in_bytes"),
		Max: r.value(prefix + "max_usage_in_bytes"), Failcnt: r.value(prefix + "failcnt"),
	}
}

// blkio takes the numbers of the BFQ scheduler where there are any, which knows more than the throttling layer.
func (r *reader) blkio(st *Stats) {
	bfq := IO{
		ServiceBytes: r.ioEntries("blkio.bfq.io_service_bytes_recursive"),
		Serviced:     r.ioEntries("blkio.bfq.io_serviced_recursive"),
		// The rest only with CONFIG_BFQ_CGROUP_DEBUG.
		Queued:      r.ioEntries("blkio.bfq.io_queued_recursive"),
		ServiceTime: r.ioEntries("blkio.bfq.io_service_time_recursive"),
		WaitTime:    r.ioEntries("blkio.bfq.io_wait_time_recursive"),
		Merged:      r.ioEntries("blkio.bfq.io_merged_recursive"),
		Time:        r.ioEntries("blkio.bfq.time_recursive"),
		Sectors:     r.ioEntries("blkio.bfq.sectors_recursive"),
		PSI:         st.IO.PSI,
	}
	if len(bfq.Serviced) == 0 {
		bfq.ServiceBytes = r.ioEntries("blkio.throttle.io_service_bytes_recursive")
		bfq.Serviced = r.ioEntries("blkio.throttle.io_serviced_recursive")
	}
	st.IO = bfq
}

func (r *reader) ioEntries(name string) []IOEntry {
	text, _ := r.text(name)
	entries, bad := parseIOEntries(text)
	if bad != "" {
		r.bad(name, quote(bad))
	}
	return entries
}

// parseIOEntries reads lines "8:0 Read 4096", without an operation where there is none to name, and a last line "Total 4096".
func parseIOEntries(text string) (entries []IOEntry, bad string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "Total" {
			continue
		}
		if len(fields) < 2 || len(fields) > 3 {
			return entries, line
		}
		major, minor, ok := parseDevice(fields[0])
		value, isNumber := parseNumber(fields[len(fields)-1])
		if !ok || !isNumber {
			return entries, line
		}
		e := IOEntry{Major: major, Minor: minor, Value: value}
		if len(fields) == 3 {
			e.Op = fields[1]
		}
		entries = append(entries, e)
	}
	return entries, ""
}

func (r *reader) hugetlbV1(prefix string) (h Hugetlb, ok bool) {
	usage, ok := r.number(prefix + ".usage_in_bytes")
	if !ok {
		return h, false
	}
	return Hugetlb{Usage: usage, Max: r.value(prefix + ".max_usage_in_bytes"), Failcnt: r.value(prefix + ".failcnt")}, true
}
