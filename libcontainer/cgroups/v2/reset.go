package v2

import (
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// Reset returns what gives a limit back the value that a new cgroup has, for limits of which no value of the specification
// says so. pointer is that of the limit below /linux/resources. What cgroup v2 cannot limit needs nothing.
func Reset(pointer string) (controller string, writes []limit.Write, err error) {
	w := limit.Write{Pointer: "/linux/resources" + pointer}
	switch pointer {
	case "/memory/reservation":
		w.File, w.Value = "memory.low", "0"
		return limit.Memory, []limit.Write{w}, nil
	case "/cpu/cpus":
		w.File, w.Value = "cpuset.cpus", "\n" // a write of no bytes would not reach the controller
		return limit.Cpuset, []limit.Write{w}, nil
	case "/cpu/mems":
		w.File, w.Value = "cpuset.mems", "\n"
		return limit.Cpuset, []limit.Write{w}, nil
	case "/blockIO/weight":
		return limit.IO, []limit.Write{resetWeight(w, "100")}, nil
	}
	if device, found := strings.CutPrefix(pointer, "/blockIO/weightDevice/"); found {
		return limit.IO, []limit.Write{resetWeight(w, device+" default")}, nil
	}
	if file, found := strings.CutPrefix(pointer, "/unified/"); found {
		return resetFile(file, w)
	}
	return "", nil, nil
}

func resetWeight(w limit.Write, value string) limit.Write {
	other := w
	w.File, w.Value = "io.bfq.weight", value
	other.File, other.Value = "io.weight", value
	w.Else = &other
	return w
}

// resetFile knows the defaults of the files with one value (cgroup-v2.rst).
func resetFile(file string, w limit.Write) (controller string, writes []limit.Write, err error) {
	controller, _, _ = strings.Cut(file, ".")
	w.File = file
	switch file {
	case "memory.max", "memory.high", "memory.swap.max", "memory.swap.high", "memory.zswap.max", "pids.max", "cpu.uclamp.max":
		w.Value = "max"
	case "memory.min", "memory.low", "memory.oom.group", "cpu.idle", "cpu.max.burst", "cpu.uclamp.min", "cpu.weight.nice":
		w.Value = "0"
	case "memory.zswap.writeback":
		w.Value = "1"
	case "cpu.max":
		w.Value = "max 100000"
	case "cpu.weight", "io.weight", "io.bfq.weight":
		w.Value = "100"
	case "cpuset.cpus", "cpuset.mems", "cpuset.cpus.exclusive":
		w.Value = "\n"
	case "cpuset.cpus.partition":
		w.Value = "member"
	case "cgroup.max.depth", "cgroup.max.descendants":
		w.Value = "max"
	default:
		if controller != limit.Hugetlb || !strings.HasSuffix(file, ".max") {
			return "", nil, &fault.Error{Op: "reset", Pointer: w.Pointer, Err: fault.ErrNotSupported,
				Hint: "what a new cgroup has in this file is not known; give the value instead of null"}
		}
		w.Value = "max"
	}
	return controller, []limit.Write{w}, nil
}
