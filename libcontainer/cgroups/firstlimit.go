package cgroups

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/v1"
)

// FirstLimit names the first controller that the limits need, and the entry of config.json that needs it; "" where there is
// none. An entry that is empty, or says "no limit", needs nothing: engines write such entries for containers that nobody has
// limited. Device rules are no limits.
//
// The dialect of v1 is asked, which has means for more.
func FirstLimit(r *specs.LinuxResources) (controller, pointer string) {
	for _, controller := range limit.Controllers() {
		writes, err := v1.Writes(controller, r)
		if err != nil {
			return controller, pointerOf(err)
		}
		for i := range writes {
			if confines(&writes[i]) {
				return controller, writes[i].Pointer
			}
		}
	}
	if len(r.Unified) > 0 {
		return "cgroup", limit.Ptr("unified")
	}
	return "", ""
}

// confines says whether a write changes what holds in a cgroup to which nothing has been written.
func confines(w *limit.Write) bool {
	return !w.Optional && w.Value != "max" && w.Value != "-1"
}

func pointerOf(err error) string {
	if e, ok := err.(*fault.Error); ok && e.Pointer != "" {
		return e.Pointer
	}
	return limit.Ptr()
}
