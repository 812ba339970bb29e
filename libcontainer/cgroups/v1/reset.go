package v1

import (
	"strings"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// Reset returns what gives a limit back the value that a new cgroup has, for limits of which no value of the specification
// says so. pointer is that of the limit below /linux/resources. A write without a value takes that of the parent cgroup,
// which is what a new cgroup of v1 gets there.
func Reset(pointer string) (controller string, writes []limit.Write) {
	w := limit.Write{Pointer: "/linux/resources" + pointer}
	switch pointer {
	case "/memory/reservation":
		w.File, w.Value = "memory.soft_limit_in_bytes", "-1"
		return limit.Memory, []limit.Write{w}
	case "/memory/swappiness":
		w.File = "memory.swappiness"
		return limit.Memory, []limit.Write{w}
	case "/memory/disableOOMKiller":
		w.File, w.Value = "memory.oom_control", "0"
		return limit.Memory, []limit.Write{w}
	case "/cpu/cpus":
		w.File = "cpuset.cpus"
		return limit.Cpuset, []limit.Write{w}
	case "/cpu/mems":
		w.File = "cpuset.mems"
		return limit.Cpuset, []limit.Write{w}
	case "/cpu/realtimeRuntime":
		w.File, w.Value = "cpu.rt_runtime_us", "0"
		return limit.CPU, []limit.Write{w}
	case "/blockIO/weight":
		return limit.IO, []limit.Write{resetWeight(w, "weight", "100", "500")}
	case "/blockIO/leafWeight":
		return limit.IO, []limit.Write{resetWeight(w, "leaf_weight", "100", "500")}
	}
	if device, found := strings.CutPrefix(pointer, "/blockIO/weightDevice/"); found {
		return limit.IO, []limit.Write{resetWeight(w, "weight_device", device+" 0", device+" 0")}
	}
	return "", nil
}

// resetWeight knows the defaults of BFQ, and those of CFQ, which was there before Linux 5.0.
func resetWeight(w limit.Write, file, bfq, cfq string) limit.Write {
	other := w
	w.File, w.Value = "blkio.bfq."+file, bfq
	other.File, other.Value = "blkio."+file, cfq
	w.Else = &other
	return w
}
