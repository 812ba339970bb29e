package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

const bytesHint = "accepted: a number of bytes, or -1 for no limit; memory must not be above memory and swap together, nor below the usage"

func memory(m *specs.LinuxMemory) ([]limit.Write, error) {
	if m == nil {
		return nil, nil
	}
	writes := limits(m)
	for _, b := range [...]struct {
		file, name string
		bytes      int64
	}{
		{"memory.soft_limit_in_bytes", "reservation", limit.Value(m.Reservation)},
		{"memory.kmem.limit_in_bytes", "kernel", limit.Value(m.Kernel)},
		{"memory.kmem.tcp.limit_in_bytes", "kernelTCP", limit.Value(m.KernelTCP)},
	} {
		if b.bytes != 0 {
			w := bytesWrite(b.file, b.bytes, b.name)
			w.Verify = b.name == "kernel" // without effect since Linux 5.16
			writes = append(writes, w)
		}
	}
	if m.Swappiness != nil {
		if *m.Swappiness > 100 {
			return nil, limit.Invalid("swappiness out of range", "accepted 0 to 100", "memory", "swappiness")
		}
		writes = append(writes, limit.Write{
			File: "memory.swappiness", Value: strconv.FormatUint(*m.Swappiness, 10), Pointer: limit.Ptr("memory", "swappiness"),
		})
	}
	if limit.Value(m.DisableOOMKiller) {
		writes = append(writes, limit.Write{
			File: "memory.oom_control", Value: "1", Pointer: limit.Ptr("memory", "disableOOMKiller"),
		})
	}
	if m.UseHierarchy != nil {
		value := "0" // refused since Linux 5.11, which always counts hierarchically
		if *m.UseHierarchy {
			value = "1"
		}
		writes = append(writes, limit.Write{
			File: "memory.use_hierarchy", Value: value, Pointer: limit.Ptr("memory", "useHierarchy"),
			Optional: *m.UseHierarchy,
		})
	}
	return writes, nil
}

// limits sets the limit of memory and the one of memory and swap together. The kernel keeps the first below the second
// at any moment, so the second is tried before, which works when both grow, and set again after, when both shrink.
func limits(m *specs.LinuxMemory) []limit.Write {
	memory, swap := limit.Value(m.Limit), limit.Value(m.Swap)
	if swap == 0 && memory == limit.Unlimited {
		swap = limit.Unlimited // memory without a limit and memory+swap with one contradict each other
	}
	var together []limit.Write
	if swap != 0 {
		w := bytesWrite("memory.memsw.limit_in_bytes", swap, "swap")
		w.Optional = swap == limit.Unlimited // without swap accounting there is no such limit
		together = append(together, w)
	}
	if memory == 0 {
		return together
	}
	w := bytesWrite("memory.limit_in_bytes", memory, "limit")
	if limit.Value(m.CheckBeforeUpdate) {
		w.UsageFile = "memory.usage_in_bytes"
	}
	return sandwich(together, w)
}

func bytesWrite(file string, bytes int64, name string) limit.Write {
	return limit.Write{
		File: file, Value: strconv.FormatInt(bytes, 10), Pointer: limit.Ptr("memory", name), Hint: bytesHint,
	}
}
