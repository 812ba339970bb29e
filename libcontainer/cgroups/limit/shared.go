package limit

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The conversions below are the same in both dialects, but for file names.

// CpusetWrites returns the writes for the two cpuset files. An empty list means to inherit: nothing is written.
func CpusetWrites(c *specs.LinuxCPU) []Write {
	if c == nil {
		return nil
	}
	var writes []Write
	if c.Cpus != "" {
		writes = append(writes, Write{
			File: "cpuset.cpus", Value: c.Cpus, Pointer: Ptr("cpu", "cpus"),
			Hint: `accepted: a list of online CPUs of the parent cgroup, such as "0-3,7"`,
		})
	}
	if c.Mems != "" {
		writes = append(writes, Write{
			File: "cpuset.mems", Value: c.Mems, Pointer: Ptr("cpu", "mems"),
			Hint: `accepted: a list of memory nodes of the parent cgroup, such as "0"`,
		})
	}
	return writes
}

// PidsWrites returns the write for pids.max. The kernel takes 0, "no task may be made", so it is written as it stands (J28).
func PidsWrites(p *specs.LinuxPids) []Write {
	if p == nil || p.Limit == nil {
		return nil
	}
	return []Write{{
		File: "pids.max", Value: Max(max(*p.Limit, Unlimited)),
		Pointer: Ptr("pids", "limit"), Hint: "accepted 0 to 4194304, or -1 for no limit",
	}}
}

// HugetlbWrites returns the writes for both the usage and the reservation limit (Linux 5.7; config-linux.md: "Default to
// reservation limits if supported"). suffix is what the files end in: "max", or "limit_in_bytes" in v1.
func HugetlbWrites(limits []specs.LinuxHugepageLimit, suffix string) ([]Write, error) {
	var writes []Write
	for i, l := range limits {
		if !isPageSize(l.Pagesize) {
			return nil, Invalid("page size is not of the form <number>KB, MB or GB", "", "hugepageLimits", i, "pageSize")
		}
		w := Write{
			Value: strconv.FormatUint(l.Limit, 10), Pointer: Ptr("hugepageLimits", i),
			Hint: "does this machine have huge pages of " + l.Pagesize + "?",
		}
		usage, reservation := w, w
		usage.File = "hugetlb." + l.Pagesize + "." + suffix
		reservation.File = "hugetlb." + l.Pagesize + ".rsvd." + suffix
		reservation.Optional = true // the usage limit, written before, is the stricter test of the page size
		writes = append(writes, usage, reservation)
	}
	return writes, nil
}

// isPageSize checks the text that becomes a part of a file name.
func isPageSize(s string) bool {
	for _, unit := range [...]string{"KB", "MB", "GB"} {
		if digits, found := strings.CutSuffix(s, unit); found {
			_, err := strconv.ParseUint(digits, 10, 32)
			return err == nil && digits[0] != '0'
		}
	}
	return false
}

// RdmaWrites returns the writes for rdma.max, which is the same in both dialects: one line for each device.
func RdmaWrites(limits map[string]specs.LinuxRdma) ([]Write, error) {
	var writes []Write
	for _, device := range slices.Sorted(maps.Keys(limits)) {
		l := limits[device]
		value := device
		if l.HcaHandles != nil {
			value += " hca_handle=" + strconv.FormatUint(uint64(*l.HcaHandles), 10)
		}
		if l.HcaObjects != nil {
			value += " hca_object=" + strconv.FormatUint(uint64(*l.HcaObjects), 10)
		}
		if value == device {
			return nil, Invalid("neither hcaHandles nor hcaObjects is set", "set at least one", "rdma", device)
		}
		writes = append(writes, Write{
			File: "rdma.max", Value: value, Pointer: Ptr("rdma", device), Hint: "is there an RDMA device of this name?",
		})
	}
	return writes, nil
}
