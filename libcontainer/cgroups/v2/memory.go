package v2

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

const bytesHint = "accepted: a number of bytes, or -1 for no limit"

func memory(m *specs.LinuxMemory) ([]limit.Write, error) {
	if m == nil {
		return nil, nil
	}
	if err := onlyV1Memory(m); err != nil {
		return nil, err
	}
	var writes []limit.Write
	// Swap first: when both shrink, what the new memory limit pushes out must find the new swap limit in place.
	swap, err := swapMax(m)
	if err != nil {
		return nil, err
	}
	if swap != "" {
		writes = append(writes, limit.Write{
			File: "memory.swap.max", Value: swap, Pointer: limit.Ptr("memory", "swap"), Hint: bytesHint,
			Optional: swap == "max" || swap == "0", // without swap accounting there is nothing to limit
		})
	}
	if bytes := limit.Value(m.Limit); bytes != 0 {
		w := limit.Write{
			File: "memory.max", Value: limit.Max(bytes), Pointer: limit.Ptr("memory", "limit"), Hint: bytesHint,
		}
		if limit.Value(m.CheckBeforeUpdate) {
			w.UsageFile = "memory.current"
		}
		writes = append(writes, w)
	}
	if bytes := limit.Value(m.Reservation); bytes != 0 {
		writes = append(writes, limit.Write{
			File: "memory.low", Value: limit.Max(bytes), Pointer: limit.Ptr("memory", "reservation"), Hint: bytesHint,
		})
	}
	return writes, nil
}

// swapMax converts the specification's swap, which is memory and swap together, to memory.swap.max, which is swap alone.
// It returns "" where nothing is to be written.
func swapMax(m *specs.LinuxMemory) (string, error) {
	memory, swap := limit.Value(m.Limit), limit.Value(m.Swap)
	switch {
	case swap == 0 && memory == limit.Unlimited:
		return "max", nil // memory without a limit and memory+swap with one contradict each other
	case swap == 0:
		return "", nil
	case swap == limit.Unlimited:
		return "max", nil
	case memory == 0 || memory == limit.Unlimited:
		return "", limit.Invalid("a limit for memory and swap together needs one for memory", "set memory.limit as well", "memory", "swap")
	case swap < memory:
		return "", limit.Invalid("the limit for memory and swap together is below the one for memory", "", "memory", "swap")
	}
	return limit.Max(swap - memory), nil
}

// onlyV1Memory refuses what cgroup v2 cannot do, unless the setting asks for what v2 does anyway.
func onlyV1Memory(m *specs.LinuxMemory) error {
	switch {
	case m.Kernel != nil && *m.Kernel != 0 && *m.Kernel != limit.Unlimited:
		return limit.Inconvertible("cgroup v2 counts kernel memory in memory.limit", "memory", "kernel")
	case m.KernelTCP != nil && *m.KernelTCP != 0 && *m.KernelTCP != limit.Unlimited:
		return limit.Inconvertible("cgroup v2 counts socket buffers in memory.limit", "memory", "kernelTCP")
	case m.Swappiness != nil:
		return limit.Inconvertible("cgroup v2 has no swappiness for each cgroup", "memory", "swappiness")
	case limit.Value(m.DisableOOMKiller):
		return limit.Inconvertible("cgroup v2 cannot disable the OOM killer", "memory", "disableOOMKiller")
	case m.UseHierarchy != nil && !*m.UseHierarchy:
		return limit.Inconvertible("cgroup v2 always counts hierarchically", "memory", "useHierarchy")
	}
	return nil
}
