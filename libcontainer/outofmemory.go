package libcontainer

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
)

// errOutOfMemory is what runc says (J21).
var errOutOfMemory = &fault.Error{
	Pointer: "/linux/resources/memory/limit", Err: fault.Text("container init was OOM-killed (memory limit too low?)"),
	Hint: "init itself needs about 1 MiB, before the program starts",
}

// outOfMemory says whether the kernel has killed a process of a cgroup for want of memory. It is asked when init has died,
// and why nobody knows; what cannot be read is no answer.
func outOfMemory(m *cgroups.Manager) bool {
	if m == nil {
		return false
	}
	w, err := m.WatchMemory()
	if err != nil || w == nil {
		return false
	}
	defer w.Close()
	events, err := w.Read()
	return err == nil && events.OOMKill > 0
}
