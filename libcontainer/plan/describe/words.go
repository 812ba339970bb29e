package describe

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/process"
)

// hidden are fields that are filled in while a container is made: the filter when it has been compiled, the state that hooks
// read when the pid is known.
func hidden(field string) bool { return field == "Filter" || field == "StatePrefix" }

// inWords says how the number in a field is spelled; nil where it is a number. (A table would be made at every start.)
func inWords(kind, field string) func(uint64) any {
	switch kind + "." + field {
	case "Propagation.Flag", "PropagationChange.Flag":
		return propagation
	case "Attr.Set", "Attr.Clear":
		return attributes
	case "Bounding.Mask", "Capabilities.Effective", "Capabilities.Permitted", "Capabilities.Inheritable", "Capabilities.Ambient":
		return capabilityNames
	case "Device.Mode", "Identity.Umask":
		return octal
	case "Device.Type":
		return func(n uint64) any { return string(rune(n)) }
	case "Personality.Domain":
		return func(n uint64) any { return "0x" + strconv.FormatUint(n, 16) }
	case "Rlimit.Resource":
		return func(n uint64) any { return process.RlimitName(int(n)) }
	}
	return nil
}

func octal(n uint64) any { return "0" + strconv.FormatUint(n, 8) }

func capabilityNames(mask uint64) any {
	list := []any{}
	for i, name := range capabilities.Names() {
		if mask&(1<<i) != 0 {
			list = append(list, name)
			mask &^= 1 << i
		}
	}
	if mask != 0 {
		list = append(list, "0x"+strconv.FormatUint(mask, 16))
	}
	return list
}

// bit is a flag of the kernel and the option that it comes from.
type bit struct {
	flag uint64
	name string
}

// attributes are the options of a mount. Those about access times lie in one field, in which relatime is 0
// (mount_setattr(2)).
func attributes(n uint64) any {
	return flags(n, []bit{
		{unix.MOUNT_ATTR_RDONLY, "ro"}, {unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"},
		{unix.MOUNT_ATTR_NOEXEC, "noexec"}, {unix.MOUNT_ATTR__ATIME, "atime"}, {unix.MOUNT_ATTR_NOATIME, "noatime"},
		{unix.MOUNT_ATTR_STRICTATIME, "strictatime"}, {unix.MOUNT_ATTR_NODIRATIME, "nodiratime"},
		{unix.MOUNT_ATTR_IDMAP, "idmap"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
	})
}

func flags(n uint64, bits []bit) []any {
	list := []any{}
	for _, b := range bits {
		if n&b.flag == b.flag {
			list = append(list, b.name)
			n &^= b.flag
		}
	}
	if n != 0 {
		list = append(list, "0x"+strconv.FormatUint(n, 16))
	}
	return list
}

func propagation(n uint64) any {
	recursive := ""
	if n&unix.MS_REC != 0 {
		recursive = "r"
	}
	switch n &^ unix.MS_REC {
	case unix.MS_PRIVATE:
		return recursive + "private"
	case unix.MS_SHARED:
		return recursive + "shared"
	case unix.MS_SLAVE:
		return recursive + "slave"
	case unix.MS_UNBINDABLE:
		return recursive + "unbindable"
	}
	return "0x" + strconv.FormatUint(n, 16)
}

// Namespaces are the words of the specification for CLONE_NEW* bits.
func Namespaces(n uint64) []any {
	return flags(n, []bit{
		{unix.CLONE_NEWUSER, "user"}, {unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWNET, "network"}, {unix.CLONE_NEWNS, "mount"},
		{unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWUTS, "uts"}, {unix.CLONE_NEWCGROUP, "cgroup"}, {unix.CLONE_NEWTIME, "time"},
	})
}
