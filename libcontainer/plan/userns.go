package plan

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/spec"
)

// mapped refuses an identity that a new user namespace has no mapping for, before anything is made (E10, E12). The mappings of
// a joined one are not known here; init finds out.
func (c *compiler) mapped() error {
	p := c.spec.Process
	if p == nil || c.ns.made&unix.CLONE_NEWUSER == 0 {
		return nil
	}
	l := c.linux()
	if !isMapped(l.UIDMappings, p.User.UID) {
		return unmapped(p.User.UID, "uidMappings", "process", "user", "uid")
	}
	if !isMapped(l.GIDMappings, p.User.GID) {
		return unmapped(p.User.GID, "gidMappings", "process", "user", "gid")
	}
	if spec.KeepsGroups(c.spec) {
		return nil
	}
	for i, gid := range p.User.AdditionalGids {
		if !isMapped(l.GIDMappings, gid) {
			return unmapped(gid, "gidMappings", "process", "user", "additionalGids", i)
		}
	}
	return nil
}

func isMapped(mappings []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return true
		}
	}
	return false
}

func unmapped(id uint32, list string, at ...any) error {
	return &fault.Error{
		Pointer: fault.Ptr(at...), Path: strconv.FormatUint(uint64(id), 10),
		Err: fault.Text("has no mapping in the container's user namespace"), Hint: "add it to /linux/" + list,
	}
}

// timeOffsets is what /proc/PID/timens_offsets takes (time_namespaces(7)).
func timeOffsets(offsets map[string]specs.LinuxTimeOffset) string {
	text := ""
	for _, clock := range [...]string{"monotonic", "boottime"} {
		if o, ok := offsets[clock]; ok {
			text += clock + " " + strconv.FormatInt(o.Secs, 10) + " " + strconv.FormatUint(uint64(o.Nanosecs), 10) + "\n"
		}
	}
	return text
}
