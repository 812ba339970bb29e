package describe

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/process"
)

// hidden are fields that are filled in while a container is made: the filter when it has been compiled, the state that hooks
// read when the pid is known.
var hidden = map[string]bool{"Filter": true, "StatePrefix": true}

// inWords says how the number in a field is spelled, by type and field.
var inWords = map[string]func(uint64) any{
	"Propagation.Flag":       propagation,
	"PropagationChange.Flag": propagation,
	"Attr.Set":               attributes,
	"Attr.Clear":             attributes,
	"Bounding.Mask":          capabilityNames,
	"Capabilities.Effective": capabilityNames, "Capabilities.Permitted": capabilityNames,
	"Capabilities.Inheritable": capabilityNames, "Capabilities.Ambient": capabilityNames,
	"Device.Type":        func(n uint64) any { return string(rune(n)) },
	"Device.Mode":        octal,
	"Identity.Umask":     octal,
	"Personality.Domain": func(n uint64) any { return "0x" + strconv.FormatUint(n, 16) },
	"Rlimit.Resource":    func(n uint64) any { return process.RlimitName(int(n)) },
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

// Both times attributes lie in one field of bits, in which relatime is 0 (mount_setattr(2)).
var mountAttributes = []bit{
	{unix.MOUNT_ATTR_RDONLY, "ro"}, {unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"},
	{unix.MOUNT_ATTR_NOEXEC, "noexec"}, {unix.MOUNT_ATTR__ATIME, "atime"}, {unix.MOUNT_ATTR_NOATIME, "noatime"},
	{unix.MOUNT_ATTR_STRICTATIME, "strictatime"}, {unix.MOUNT_ATTR_NODIRATIME, "nodiratime"},
	{unix.MOUNT_ATTR_IDMAP, "idmap"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
}

func attributes(n uint64) any { return flags(n, mountAttributes) }

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
