package main

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tare-run/tare/libcontainer"
)

// This file writes statistics as OpenMetrics text (version 1.0.0): families of samples, each family once and with its type
// and unit, base units (seconds, bytes, ratios), and "# EOF" at the end, so that a reader knows that it has everything.

// exposition is one such text.
type exposition struct {
	text []byte
	id   string
}

func openMetrics(id string, s *libcontainer.Statistics) []byte {
	x := &exposition{id: id}
	x.cpu(s)
	x.memory(s)
	x.pressure(s)
	x.pids(s)
	x.io(s)
	x.hugetlb(s)
	x.rdma(s)
	x.network(s)
	x.rdt(s)
	return append(x.text, "# EOF\n"...)
}

// The types of families that are used here.
const (
	counter = "counter"
	gauge   = "gauge"
	unknown = "unknown"
)

// family begins a family. Its name ends with the unit, if it has one.
func (x *exposition) family(name, kind, unit, help string) {
	x.text = append(x.text, "# TYPE "+name+" "+kind+"\n"...)
	if unit != "" {
		x.text = append(x.text, "# UNIT "+name+" "+unit+"\n"...)
	}
	x.text = append(x.text, "# HELP "+name+" "+help+"\n"...)
}

// sample adds one; labels are names and values in turn. A name of a counter's sample ends in "_total".
func (x *exposition) sample(name string, value []byte, labels ...string) {
	x.text = append(x.text, name+`{id="`...)
	x.text = appendLabel(x.text, x.id)
	for i := 0; i < len(labels); i += 2 {
		x.text = append(x.text, `",`+labels[i]+`="`...)
		x.text = appendLabel(x.text, labels[i+1])
	}
	x.text = append(x.text, `"} `...)
	x.text = append(append(x.text, value...), '\n')
}

func appendLabel(b []byte, value string) []byte {
	for i := range len(value) {
		switch c := value[i]; c {
		case '\n':
			b = append(b, `\n`...)
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return b
}

func number(n uint64) []byte   { return strconv.AppendUint(nil, n, 10) }
func decimal(f float64) []byte { return strconv.AppendFloat(nil, f, 'g', -1, 64) }

// The kernel's units to base units.
func fromNanoseconds(n uint64) []byte  { return decimal(float64(n) / 1e9) }
func fromMicroseconds(n uint64) []byte { return decimal(float64(n) / 1e6) }
func fromPercent(f float64) []byte     { return decimal(f / 100) }

func (x *exposition) cpu(s *libcontainer.Statistics) {
	u, t := &s.CPU.Usage, &s.CPU.Throttling
	x.family("tare_container_cpu_usage_seconds", counter, "seconds", "CPU time of all processes.")
	x.sample("tare_container_cpu_usage_seconds_total", fromNanoseconds(u.Total))
	x.family("tare_container_cpu_mode_seconds", counter, "seconds", "CPU time by mode.")
	x.sample("tare_container_cpu_mode_seconds_total", fromNanoseconds(u.User), "mode", "user")
	x.sample("tare_container_cpu_mode_seconds_total", fromNanoseconds(u.Kernel), "mode", "kernel")
	x.family("tare_container_cpu_periods", counter, "", "Periods of the CPU quota that have passed.")
	x.sample("tare_container_cpu_periods_total", number(t.Periods))
	x.family("tare_container_cpu_throttled_periods", counter, "", "Periods in which the quota was used up.")
	x.sample("tare_container_cpu_throttled_periods_total", number(t.ThrottledPeriods))
	x.family("tare_container_cpu_throttled_seconds", counter, "seconds", "Time for which processes waited for the next period.")
	x.sample("tare_container_cpu_throttled_seconds_total", fromNanoseconds(t.ThrottledTime))
	if b := s.CPU.Burst; b != nil {
		x.family("tare_container_cpu_burst_periods", counter, "", "Periods in which more than the quota was used.")
		x.sample("tare_container_cpu_burst_periods_total", number(b.Periods))
		x.family("tare_container_cpu_burst_seconds", counter, "seconds", "CPU time beyond the quota.")
		x.sample("tare_container_cpu_burst_seconds_total", fromNanoseconds(b.Time))
	}
}

// noLimit is above what any machine has: cgroup v2 says "max", v1 the largest multiple of a page.
const noLimit = 1 << 62

func (x *exposition) limit(n uint64) []byte {
	if n >= noLimit {
		return []byte("+Inf")
	}
	return number(n)
}

func (x *exposition) memory(s *libcontainer.Statistics) {
	m := &s.Memory
	entries := []struct {
		kind                   string
		usage, limit, max, out uint64
	}{
		{"memory", m.Usage.Usage, m.Usage.Limit, m.Usage.Max, m.Usage.Failcnt},
		{"memory_and_swap", m.Swap.Usage, m.Swap.Limit, m.Swap.Max, m.Swap.Failcnt},
	}
	x.family("tare_container_memory_usage_bytes", gauge, "bytes", "Memory in use.")
	for _, e := range entries {
		x.sample("tare_container_memory_usage_bytes", number(e.usage), "kind", e.kind)
	}
	x.family("tare_container_memory_peak_bytes", gauge, "bytes", "The most memory that was in use; 0 where the kernel does not say.")
	for _, e := range entries {
		x.sample("tare_container_memory_peak_bytes", number(e.max), "kind", e.kind)
	}
	x.family("tare_container_memory_limit_bytes", gauge, "bytes", "The limit; infinite without one.")
	for _, e := range entries {
		x.sample("tare_container_memory_limit_bytes", x.limit(e.limit), "kind", e.kind)
	}
	x.family("tare_container_memory_limit_reached", counter, "", "How often the limit was reached.")
	for _, e := range entries {
		x.sample("tare_container_memory_limit_reached_total", number(e.out), "kind", e.kind)
	}
	x.family("tare_container_memory_cache_bytes", gauge, "bytes", "Memory in use for files.")
	x.sample("tare_container_memory_cache_bytes", number(m.Cache))
	x.family("tare_container_memory_events", counter, "", "Events of the memory controller by the kernel's name.")
	for _, e := range []struct {
		name string
		n    uint64
	}{
		{"low", m.Events.Low}, {"high", m.Events.High}, {"max", m.Events.Max},
		{"oom", m.Events.OOM}, {"oom_kill", m.Events.OOMKill}, {"oom_group_kill", m.Events.OOMGroupKill},
	} {
		x.sample("tare_container_memory_events_total", number(e.n), "event", e.name)
	}
	x.family("tare_container_memory_stat", unknown, "", "The numbers of memory.stat, in the kernel's units: some are bytes, some count.")
	for _, name := range slices.Sorted(maps.Keys(m.Raw)) {
		x.sample("tare_container_memory_stat", number(m.Raw[name]), "stat", name)
	}
}

func (x *exposition) pressure(s *libcontainer.Statistics) {
	type stalled struct {
		resource, share      string
		avg10, avg60, avg300 float64
		total                uint64
	}
	var rows []stalled
	add := func(resource, share string, avg10, avg60, avg300 float64, total uint64) {
		rows = append(rows, stalled{resource, share, avg10, avg60, avg300, total})
	}
	if p := s.CPU.PSI; p != nil {
		add("cpu", "some", p.Some.Avg10, p.Some.Avg60, p.Some.Avg300, p.Some.Total)
		add("cpu", "full", p.Full.Avg10, p.Full.Avg60, p.Full.Avg300, p.Full.Total)
	}
	if p := s.Memory.PSI; p != nil {
		add("memory", "some", p.Some.Avg10, p.Some.Avg60, p.Some.Avg300, p.Some.Total)
		add("memory", "full", p.Full.Avg10, p.Full.Avg60, p.Full.Avg300, p.Full.Total)
	}
	if p := s.IO.PSI; p != nil {
		add("io", "some", p.Some.Avg10, p.Some.Avg60, p.Some.Avg300, p.Some.Total)
		add("io", "full", p.Full.Avg10, p.Full.Avg60, p.Full.Avg300, p.Full.Total)
	}
	x.family("tare_container_pressure_stalled_seconds", counter, "seconds", "Time for which some or all processes waited for a resource.")
	for _, r := range rows {
		x.sample("tare_container_pressure_stalled_seconds_total", fromMicroseconds(r.total), "resource", r.resource, "share", r.share)
	}
	x.family("tare_container_pressure_ratio", gauge, "ratio", "Share of time for which some or all processes waited for a resource.")
	for _, r := range rows {
		for _, w := range []struct {
			window string
			avg    float64
		}{{"10s", r.avg10}, {"60s", r.avg60}, {"300s", r.avg300}} {
			x.sample("tare_container_pressure_ratio", fromPercent(w.avg), "resource", r.resource, "share", r.share, "window", w.window)
		}
	}
}

func (x *exposition) pids(s *libcontainer.Statistics) {
	x.family("tare_container_processes", gauge, "", "Processes and threads.")
	x.sample("tare_container_processes", number(s.Pids.Current))
	limit := []byte("+Inf")
	if s.Pids.Limit != 0 {
		limit = number(s.Pids.Limit)
	}
	x.family("tare_container_processes_limit", gauge, "", "The limit of processes and threads; infinite without one.")
	x.sample("tare_container_processes_limit", limit)
}

func (x *exposition) io(s *libcontainer.Statistics) {
	device := func(major, minor uint64) string {
		return strconv.FormatUint(major, 10) + ":" + strconv.FormatUint(minor, 10)
	}
	x.family("tare_container_io_bytes", counter, "bytes", "Bytes transferred by device and operation.")
	for _, e := range s.IO.ServiceBytes {
		if e.Op != "Total" {
			x.sample("tare_container_io_bytes_total", number(e.Value), "device", device(e.Major, e.Minor), "operation", e.Op)
		}
	}
	x.family("tare_container_io_operations", counter, "", "Requests by device and operation.")
	for _, e := range s.IO.Serviced {
		if e.Op != "Total" {
			x.sample("tare_container_io_operations_total", number(e.Value), "device", device(e.Major, e.Minor), "operation", e.Op)
		}
	}
}

func (x *exposition) hugetlb(s *libcontainer.Statistics) {
	sizes := slices.Sorted(maps.Keys(s.Hugetlb))
	x.family("tare_container_hugetlb_usage_bytes", gauge, "bytes", "Huge pages in use by size.")
	for _, size := range sizes {
		x.sample("tare_container_hugetlb_usage_bytes", number(s.Hugetlb[size].Usage), "pagesize", size)
	}
	x.family("tare_container_hugetlb_limit_reached", counter, "", "How often the limit was reached.")
	for _, size := range sizes {
		x.sample("tare_container_hugetlb_limit_reached_total", number(s.Hugetlb[size].Failcnt), "pagesize", size)
	}
}

func (x *exposition) rdma(s *libcontainer.Statistics) {
	x.family("tare_container_rdma_handles", gauge, "", "HCA handles in use by device.")
	for _, d := range s.Rdma {
		x.sample("tare_container_rdma_handles", number(d.Handles), "device", d.Device)
	}
	x.family("tare_container_rdma_objects", gauge, "", "HCA objects in use by device.")
	for _, d := range s.Rdma {
		x.sample("tare_container_rdma_objects", number(d.Objects), "device", d.Device)
	}
}

func (x *exposition) network(s *libcontainer.Statistics) {
	for _, f := range []struct {
		name, unit, help string
		received, sent   func(*libcontainer.NetworkInterface) uint64
	}{
		{"tare_container_network_bytes", "bytes", "Bytes by interface and direction.",
			func(i *libcontainer.NetworkInterface) uint64 { return i.RxBytes }, func(i *libcontainer.NetworkInterface) uint64 { return i.TxBytes }},
		{"tare_container_network_packets", "", "Packets by interface and direction.",
			func(i *libcontainer.NetworkInterface) uint64 { return i.RxPackets }, func(i *libcontainer.NetworkInterface) uint64 { return i.TxPackets }},
		{"tare_container_network_errors", "", "Packets with errors by interface and direction.",
			func(i *libcontainer.NetworkInterface) uint64 { return i.RxErrors }, func(i *libcontainer.NetworkInterface) uint64 { return i.TxErrors }},
		{"tare_container_network_dropped", "", "Packets dropped by interface and direction.",
			func(i *libcontainer.NetworkInterface) uint64 { return i.RxDropped }, func(i *libcontainer.NetworkInterface) uint64 { return i.TxDropped }},
	} {
		x.family(f.name, counter, f.unit, f.help)
		for i := range s.NetworkInterfaces {
			n := &s.NetworkInterfaces[i]
			x.sample(f.name+"_total", number(f.received(n)), "interface", n.Name, "direction", "receive")
			x.sample(f.name+"_total", number(f.sent(n)), "interface", n.Name, "direction", "transmit")
		}
	}
}

func (x *exposition) rdt(s *libcontainer.Statistics) {
	if s.IntelRdt == nil {
		return
	}
	x.family("tare_container_llc_occupancy_bytes", gauge, "bytes", "Last level cache in use by cache.")
	for i, c := range s.IntelRdt.CMT {
		x.sample("tare_container_llc_occupancy_bytes", number(c.LLCOccupancy), "cache", strconv.Itoa(i))
	}
	x.family("tare_container_memory_traffic_bytes", counter, "bytes", "Memory traffic by cache; local is the part to the memory of its own node.")
	for i, c := range s.IntelRdt.MBM {
		x.sample("tare_container_memory_traffic_bytes_total", number(c.TotalBytes), "cache", strconv.Itoa(i), "scope", "total")
		x.sample("tare_container_memory_traffic_bytes_total", number(c.LocalBytes), "cache", strconv.Itoa(i), "scope", "local")
	}
}
