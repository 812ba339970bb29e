package resources

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// unlimited is the number by which the specification says "no limit".
const unlimited = -1

// What has no word for "no limit" takes the greatest number that the kernel keeps, which is the same to it.
const (
	mostBytes   = 1<<63 - 1
	mostHandles = 1<<31 - 1
)

// resources is short for what all accessors below take: resources with their sections.
type resources = *specs.LinuxResources

// members is the list of limits. A value at the end of a row lifts the limit; where there is none, no value of the
// specification does.
func members() []member {
	return slices.Concat(memoryMembers(), cpuMembers(), blockIOMembers(), []member{
		value("/pids/limit", func(r resources) **int64 { return &r.Pids.Limit }, unlimited),
		list("/hugepageLimits", func(r resources) *[]specs.LinuxHugepageLimit { return &r.HugepageLimits },
			func(l *specs.LinuxHugepageLimit) string { return l.Pagesize },
			func(l *specs.LinuxHugepageLimit) { l.Limit = mostBytes }),
		value("/network/classID", func(r resources) **uint32 { return &r.Network.ClassID }, 0),
		list("/network/priorities", func(r resources) *[]specs.LinuxInterfacePriority { return &r.Network.Priorities },
			func(p *specs.LinuxInterfacePriority) string { return p.Name },
			func(p *specs.LinuxInterfacePriority) { p.Priority = 0 }),
		table("/rdma", func(r resources) *map[string]specs.LinuxRdma { return &r.Rdma }, func(l *specs.LinuxRdma) {
			l.HcaHandles, l.HcaObjects = new(uint32(mostHandles)), new(uint32(mostHandles))
		}),
		table("/unified", func(r resources) *map[string]string { return &r.Unified }, nil),
	})
}

func memoryMembers() []member {
	return []member{
		limit("/memory/limit", func(r resources) **int64 { return &r.Memory.Limit }, unlimited),
		limit("/memory/reservation", func(r resources) **int64 { return &r.Memory.Reservation }),
		limit("/memory/swap", func(r resources) **int64 { return &r.Memory.Swap }, unlimited),
		limit("/memory/kernel", func(r resources) **int64 { return &r.Memory.Kernel }, unlimited), //nolint:staticcheck // v1 has it
		limit("/memory/kernelTCP", func(r resources) **int64 { return &r.Memory.KernelTCP }, unlimited),
		value("/memory/swappiness", func(r resources) **uint64 { return &r.Memory.Swappiness }),
		value("/memory/disableOOMKiller", func(r resources) **bool { return &r.Memory.DisableOOMKiller }),
		value("/memory/useHierarchy", func(r resources) **bool { return &r.Memory.UseHierarchy }, true),
		value("/memory/checkBeforeUpdate", func(r resources) **bool { return &r.Memory.CheckBeforeUpdate }, false),
	}
}

func cpuMembers() []member {
	return []member{
		limit("/cpu/shares", func(r resources) **uint64 { return &r.CPU.Shares }, 1024),
		limit("/cpu/quota", func(r resources) **int64 { return &r.CPU.Quota }, unlimited),
		value("/cpu/burst", func(r resources) **uint64 { return &r.CPU.Burst }, 0),
		limit("/cpu/period", func(r resources) **uint64 { return &r.CPU.Period }, 100_000),
		limit("/cpu/realtimeRuntime", func(r resources) **int64 { return &r.CPU.RealtimeRuntime }),
		limit("/cpu/realtimePeriod", func(r resources) **uint64 { return &r.CPU.RealtimePeriod }, 1_000_000),
		word("/cpu/cpus", func(r resources) *string { return &r.CPU.Cpus }),
		word("/cpu/mems", func(r resources) *string { return &r.CPU.Mems }),
		value("/cpu/idle", func(r resources) **int64 { return &r.CPU.Idle }, 0),
	}
}

func blockIOMembers() []member {
	throttle := func(name string, at func(r resources) *[]specs.LinuxThrottleDevice) member {
		return list("/blockIO/"+name, at,
			func(d *specs.LinuxThrottleDevice) string { return device(d.LinuxBlockIODevice) },
			func(d *specs.LinuxThrottleDevice) { d.Rate = 0 })
	}
	return []member{
		limit("/blockIO/weight", func(r resources) **uint16 { return &r.BlockIO.Weight }),
		limit("/blockIO/leafWeight", func(r resources) **uint16 { return &r.BlockIO.LeafWeight }),
		list("/blockIO/weightDevice", func(r resources) *[]specs.LinuxWeightDevice { return &r.BlockIO.WeightDevice },
			func(d *specs.LinuxWeightDevice) string { return device(d.LinuxBlockIODevice) }, nil),
		throttle("throttleReadBpsDevice", func(r resources) *[]specs.LinuxThrottleDevice { return &r.BlockIO.ThrottleReadBpsDevice }),
		throttle("throttleWriteBpsDevice", func(r resources) *[]specs.LinuxThrottleDevice { return &r.BlockIO.ThrottleWriteBpsDevice }),
		throttle("throttleReadIOPSDevice", func(r resources) *[]specs.LinuxThrottleDevice { return &r.BlockIO.ThrottleReadIOPSDevice }),
		throttle("throttleWriteIOPSDevice", func(r resources) *[]specs.LinuxThrottleDevice { return &r.BlockIO.ThrottleWriteIOPSDevice }),
	}
}
