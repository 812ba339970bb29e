// Package stats turns the text of a cgroup's control files into numbers: the statistics of `events`.
//
// It owns the shape of those numbers, which is also their shape as JSON: the names are those that runc prints and that
// go-runc reads, units included (CPU time in nanoseconds, memory in bytes). It is pure: it asks for control files by name,
// through functions that it is given, and knows neither directories nor what a container is. Package cgroups says where
// each controller is.
//
// A file that the kernel does not have is no error: its numbers stay zero, or are left out where the shape allows.
package stats

// Stats is what the kernel counts for one cgroup and everything below it.
type Stats struct {
	CPU     CPU                `json:"cpu"`
	Cpuset  Cpuset             `json:"cpuset"`
	Memory  Memory             `json:"memory"`
	Pids    Pids               `json:"pids"`
	IO      IO                 `json:"blkio"`
	Hugetlb map[string]Hugetlb `json:"hugetlb"`        // by size of page, "2MB"
	Rdma    []Rdma             `json:"rdma,omitempty"` // runc has it in its library and prints it nowhere
}

// CPU is processor time.
type CPU struct {
	Usage      CPUUsage   `json:"usage"`
	Throttling Throttling `json:"throttling"`
	Burst      *Burst     `json:"burst,omitempty"`
	PSI        *PSI       `json:"psi,omitempty"`
}

// CPUUsage is in nanoseconds.
type CPUUsage struct {
	Total        uint64   `json:"total,omitempty"`
	Percpu       []uint64 `json:"percpu,omitempty"`
	PercpuKernel []uint64 `json:"percpu_kernel,omitempty"`
	PercpuUser   []uint64 `json:"percpu_user,omitempty"`
	Kernel       uint64   `json:"kernel"`
	User         uint64   `json:"user"`
}

// Throttling counts the periods of a CPU quota.
type Throttling struct {
	Periods          uint64 `json:"periods,omitempty"`
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
	ThrottledTime    uint64 `json:"throttledTime,omitempty"` // nanoseconds
}

// Burst counts the periods in which more than the quota was used (Linux 5.14).
type Burst struct {
	Periods uint64 `json:"periods"`
	Time    uint64 `json:"time"` // nanoseconds
}

// Cpuset is where the processes may run and allocate. In cgroup v2 only the two lists exist.
type Cpuset struct {
	CPUs                  []uint16 `json:"cpus,omitempty"`
	CPUExclusive          uint64   `json:"cpu_exclusive"`
	Mems                  []uint16 `json:"mems,omitempty"`
	MemHardwall           uint64   `json:"mem_hardwall"`
	MemExclusive          uint64   `json:"mem_exclusive"`
	MemoryMigrate         uint64   `json:"memory_migrate"`
	MemorySpreadPage      uint64   `json:"memory_spread_page"`
	MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
	MemoryPressure        uint64   `json:"memory_pressure"`
	SchedLoadBalance      uint64   `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
}

// Memory is in bytes.
type Memory struct {
	Cache     uint64            `json:"cache,omitempty"`
	Usage     MemoryEntry       `json:"usage"`
	Swap      MemoryEntry       `json:"swap"` // memory and swap together, as cgroup v1 counts
	Kernel    MemoryEntry       `json:"kernel"`
	KernelTCP MemoryEntry       `json:"kernelTCP"`
	Raw       map[string]uint64 `json:"raw,omitempty"` // memory.stat
	PSI       *PSI              `json:"psi,omitempty"`
	Events    MemoryEvents      `json:"event_count"`
}

// MemoryEntry is one counter of the memory controller. No limit is Unlimited in cgroup v2, and the largest multiple of a
// page in cgroup v1.
type MemoryEntry struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// Unlimited is how "max" is given as a number.
const Unlimited = 1<<64 - 1

// MemoryEvents are the counters of memory.events; cgroup v1 counts only the kills.
type MemoryEvents struct {
	Low          uint64 `json:"low"`
	High         uint64 `json:"high"`
	Max          uint64 `json:"max"`
	OOM          uint64 `json:"oom"`
	OOMKill      uint64 `json:"oom_kill"`
	OOMGroupKill uint64 `json:"oom_group_kill"`
}

// Pids counts processes and threads. Limit 0 is none.
type Pids struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"`
}

// IO is what block devices did, by device and operation; the operations have the names of cgroup v1.
type IO struct {
	ServiceBytes []IOEntry `json:"ioServiceBytesRecursive,omitempty"`
	Serviced     []IOEntry `json:"ioServicedRecursive,omitempty"`
	Queued       []IOEntry `json:"ioQueueRecursive,omitempty"`
	ServiceTime  []IOEntry `json:"ioServiceTimeRecursive,omitempty"`
	WaitTime     []IOEntry `json:"ioWaitTimeRecursive,omitempty"`
	Merged       []IOEntry `json:"ioMergedRecursive,omitempty"`
	Time         []IOEntry `json:"ioTimeRecursive,omitempty"`
	Sectors      []IOEntry `json:"sectorsRecursive,omitempty"`
	PSI          *PSI      `json:"psi,omitempty"`
}

// IOEntry is one number of one device.
type IOEntry struct {
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"`
	Value uint64 `json:"value,omitempty"`
}

// Hugetlb is in bytes.
type Hugetlb struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// Rdma is what is in use of one device.
type Rdma struct {
	Device  string `json:"device"`
	Handles uint64 `json:"hcaHandles"`
	Objects uint64 `json:"hcaObjects"`
}

// PSI is pressure stall information (Documentation/accounting/psi.rst).
type PSI struct {
	Some PSIData `json:"some"`
	Full PSIData `json:"full"`
}

// PSIData is the share of time stalled, in percent, over the last seconds, and the total in microseconds.
type PSIData struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}
