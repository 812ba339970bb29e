package stats

import "strings"

// controllerV2 reads what one controller of the unified hierarchy counts. CPU time is counted without the controller too.
func (r *reader) controllerV2(name string, st *Stats, pageSizes []string) {
	switch name {
	case "cpuset":
		r.cpusetV2(st)
	case "memory":
		r.memoryV2(st)
	case "pids":
		r.pids(st)
	case "io":
		r.ioV2(st)
	case "rdma":
		r.rdma(st)
	case "hugetlb":
		r.hugetlb(st, pageSizes, r.hugetlbV2)
	}
}

const nanosecondsPerMicrosecond = 1000

func (r *reader) cpuV2(c *CPU) {
	p := r.pairs("cpu.stat")
	c.Usage.Total = p["usage_usec"] * nanosecondsPerMicrosecond
	c.Usage.User = p["user_usec"] * nanosecondsPerMicrosecond
	c.Usage.Kernel = p["system_usec"] * nanosecondsPerMicrosecond
	c.Throttling = Throttling{
		Periods: p["nr_periods"], ThrottledPeriods: p["nr_throttled"], ThrottledTime: p["throttled_usec"] * nanosecondsPerMicrosecond,
	}
	if bursts, ok := p["nr_bursts"]; ok {
		c.Burst = &Burst{Periods: bursts, Time: p["burst_usec"] * nanosecondsPerMicrosecond}
	}
}

// pressure needs no controller either, only that the kernel keeps it (CONFIG_PSI, psi=1).
func (r *reader) pressure(st *Stats) {
	for _, p := range []struct {
		file string
		to   **PSI
	}{{"cpu.pressure", &st.CPU.PSI}, {"memory.pressure", &st.Memory.PSI}, {"io.pressure", &st.IO.PSI}} {
		text, ok := r.text(p.file)
		if !ok {
			continue
		}
		psi, ok := parsePressure(text)
		if !ok {
			r.bad(p.file, quote(text))
		}
		*p.to = &psi
	}
}

func (r *reader) cpusetV2(st *Stats) {
	st.Cpuset.CPUs = r.list("cpuset.cpus.effective")
	st.Cpuset.Mems = r.list("cpuset.mems.effective")
}

func (r *reader) list(name string) []uint16 {
	text, ok := r.text(name)
	if !ok {
		return nil
	}
	list, ok := parseList(text)
	if !ok {
		r.bad(name, quote(text))
	}
	return list
}

func (r *reader) memoryV2(st *Stats) {
	m := &st.Memory
	m.Raw = r.pairs("memory.stat")
	m.Cache = m.Raw["file"]
	m.Usage = MemoryEntry{
		Usage: r.value("memory.current"), Limit: r.value("memory.max"),
		Max: r.value("memory.peak"), // Linux 5.19
	}
	m.Swap = MemoryEntry{Usage: r.value("memory.swap.current"), Limit: r.value("memory.swap.max")}
	if _, hasSwap := r.number("memory.swap.current"); hasSwap {
		// Readers expect cgroup v1's sum of memory and swap. The two peaks need not be of one moment, so they have none.
		m.Swap.Usage += m.Usage.Usage
		m.Swap.Limit = sum(m.Swap.Limit, m.Usage.Limit)
	}
	m.Events = r.memoryEvents()
	m.Usage.Failcnt = m.Events.Max // how often the limit was reached, as memory.failcnt of cgroup v1
}

// sum adds limits, of which no limit is the largest.
func sum(a, b uint64) uint64 {
	if a == Unlimited || b == Unlimited || a+b < a {
		return Unlimited
	}
	return a + b
}

func (r *reader) memoryEvents() MemoryEvents { return eventsFrom(r.pairs("memory.events")) }

func eventsFrom(p map[string]uint64) MemoryEvents {
	return MemoryEvents{
		Low: p["low"], High: p["high"], Max: p["max"], OOM: p["oom"], OOMKill: p["oom_kill"], OOMGroupKill: p["oom_group_kill"],
	}
}

// ParseMemoryEvents reads the text of memory.events, or of cgroup v1's memory.oom_control, which shares the one key.
func ParseMemoryEvents(text string) (events MemoryEvents, ok bool) {
	pairs, bad := parsePairs(text)
	return eventsFrom(pairs), bad == ""
}

// pids is the same in both dialects.
func (r *reader) pids(st *Stats) {
	st.Pids = Pids{Current: r.value("pids.current"), Limit: r.value("pids.max")}
	if st.Pids.Limit == Unlimited {
		st.Pids.Limit = 0
	}
}

// ioKey translates a key of io.stat into the operation that cgroup v1 has for it; "" for those of the cost model.
func ioKey(key string) (op string, isBytes bool) {
	switch key {
	case "rbytes":
		return "Read", true
	case "wbytes":
		return "Write", true
	case "dbytes":
		return "Discard", true
	case "rios":
		return "Read", false
	case "wios":
		return "Write", false
	case "dios":
		return "Discard", false
	}
	return "", false
}

func (r *reader) ioV2(st *Stats) {
	text, _ := r.text("io.stat")
	if line := parseIOStat(text, &st.IO); line != "" {
		r.bad("io.stat", quote(line))
	}
}

// parseIOStat reads lines "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" and returns the first bad one. A device
// without traffic has a line with its number only.
func parseIOStat(text string, to *IO) (bad string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return line
		}
		major, minor, ok := parseDevice(fields[0])
		if !ok {
			return line
		}
		for _, field := range fields[1:] {
			key, value, _ := strings.Cut(field, "=")
			op, isBytes := ioKey(key)
			if op == "" {
				continue
			}
			n, ok := parseNumber(value)
			if !ok {
				return line
			}
			entry := IOEntry{Major: major, Minor: minor, Op: op, Value: n}
			if isBytes {
				to.ServiceBytes = append(to.ServiceBytes, entry)
			} else {
				to.Serviced = append(to.Serviced, entry)
			}
		}
	}
	return ""
}

// hugetlb reads what there is of each size of page.
func (r *reader) hugetlb(st *Stats, sizes []string, read func(prefix string) (Hugetlb, bool)) {
	for _, size := range sizes {
		if h, ok := read("hugetlb." + size); ok {
			st.Hugetlb[size] = h
		}
	}
}

// hugetlbV2 has no peak: the kernel keeps none.
func (r *reader) hugetlbV2(prefix string) (h Hugetlb, ok bool) {
	usage, ok := r.number(prefix + ".current")
	if !ok {
		return h, false
	}
	return Hugetlb{Usage: usage, Failcnt: r.pairs(prefix + ".events")["max"]}, true
}

// rdma reads rdma.current, the same in both dialects.
func (r *reader) rdma(st *Stats) {
	text, _ := r.text("rdma.current")
	list, bad := parseRdma(text)
	if bad != "" {
		r.bad("rdma.current", quote(bad))
	}
	st.Rdma = list
}

// parseRdma reads lines "mlx4_0 hca_handle=2 hca_object=2000".
func parseRdma(text string) (list []Rdma, bad string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return list, line
		}
		d := Rdma{Device: fields[0]}
		for _, field := range fields[1:] {
			key, value, _ := strings.Cut(field, "=")
			n, ok := parseNumber(value)
			if !ok {
				return list, line
			}
			switch key {
			case "hca_handle":
				d.Handles = n
			case "hca_object":
				d.Objects = n
			}
		}
		list = append(list, d)
	}
	return list, ""
}
