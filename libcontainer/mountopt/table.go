package mountopt

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// kind says which part of step.MountOptions a word changes.
type kind uint8

const (
	ignored     kind = iota
	attr             // of the mount: set or clear
	recAttr          // of the mount and everything below it
	readonly         // attr, and super where the superblock is new
	super            // of the superblock, by its fsconfig(2) name
	propagation      // set is MS_*
	bind
	rbind
	remount
	copyUp
	idmap
	links // of crun; not among the words of the specification
)

// entry is one row of the table.
type entry struct {
	name       string
	kind       kind
	set, clear uint64 // MOUNT_ATTR_* bits; for propagation, set is MS_*, with MS_REC for the recursive form
	opposite   string // the super word that this one revokes
}

// table is sorted by name; a test holds that.
var table = [...]entry{
	{name: "async", kind: super, opposite: "sync"},
	{name: "atime", kind: attr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "bind", kind: bind},
	{name: "copy-symlink", kind: links},
	{name: "defaults", kind: ignored},
	{name: "dest-nofollow", kind: links},
	{name: "dev", kind: attr, clear: unix.MOUNT_ATTR_NODEV},
	{name: "diratime", kind: attr, clear: unix.MOUNT_ATTR_NODIRATIME},
	{name: "dirsync", kind: super},
	{name: "exec", kind: attr, clear: unix.MOUNT_ATTR_NOEXEC},
	{name: "idmap", kind: idmap},
	{name: "iversion", kind: ignored},
	{name: "lazytime", kind: super, opposite: "nolazytime"},
	{name: "loud", kind: ignored},
	{name: "mand", kind: super, opposite: "nomand"},
	{name: "noatime", kind: attr, set: unix.MOUNT_ATTR_NOATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "nodev", kind: attr, set: unix.MOUNT_ATTR_NODEV},
	{name: "nodiratime", kind: attr, set: unix.MOUNT_ATTR_NODIRATIME},
	{name: "noexec", kind: attr, set: unix.MOUNT_ATTR_NOEXEC},
	{name: "noiversion", kind: ignored},
	{name: "nolazytime", kind: super, opposite: "lazytime"},
	{name: "nomand", kind: super, opposite: "mand"},
	{name: "norelatime", kind: ignored},
	{name: "nostrictatime", kind: attr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "nosuid", kind: attr, set: unix.MOUNT_ATTR_NOSUID},
	{name: "nosymfollow", kind: attr, set: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "private", kind: propagation, set: unix.MS_PRIVATE},
	{name: "ratime", kind: recAttr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "rbind", kind: rbind},
	{name: "rdev", kind: recAttr, clear: unix.MOUNT_ATTR_NODEV},
	{name: "rdiratime", kind: recAttr, clear: unix.MOUNT_ATTR_NODIRATIME},
	{name: "relatime", kind: attr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "remount", kind: remount},
	{name: "rexec", kind: recAttr, clear: unix.MOUNT_ATTR_NOEXEC},
	{name: "ridmap", kind: idmap},
	{name: "rnoatime", kind: recAttr, set: unix.MOUNT_ATTR_NOATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "rnodev", kind: recAttr, set: unix.MOUNT_ATTR_NODEV},
	{name: "rnodiratime", kind: recAttr, set: unix.MOUNT_ATTR_NODIRATIME},
	{name: "rnoexec", kind: recAttr, set: unix.MOUNT_ATTR_NOEXEC},
	{name: "rnorelatime", kind: ignored},
	{name: "rnostrictatime", kind: recAttr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "rnosuid", kind: recAttr, set: unix.MOUNT_ATTR_NOSUID},
	{name: "rnosymfollow", kind: recAttr, set: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "ro", kind: readonly, set: unix.MOUNT_ATTR_RDONLY, opposite: "rw"},
	{name: "rprivate", kind: propagation, set: unix.MS_PRIVATE | unix.MS_REC},
	{name: "rrelatime", kind: recAttr, set: unix.MOUNT_ATTR_RELATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "rro", kind: recAttr, set: unix.MOUNT_ATTR_RDONLY},
	{name: "rrw", kind: recAttr, clear: unix.MOUNT_ATTR_RDONLY},
	{name: "rshared", kind: propagation, set: unix.MS_SHARED | unix.MS_REC},
	{name: "rslave", kind: propagation, set: unix.MS_SLAVE | unix.MS_REC},
	{name: "rstrictatime", kind: recAttr, set: unix.MOUNT_ATTR_STRICTATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "rsuid", kind: recAttr, clear: unix.MOUNT_ATTR_NOSUID},
	{name: "rsymfollow", kind: recAttr, clear: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "runbindable", kind: propagation, set: unix.MS_UNBINDABLE | unix.MS_REC},
	{name: "rw", kind: readonly, clear: unix.MOUNT_ATTR_RDONLY, opposite: "ro"},
	{name: "shared", kind: propagation, set: unix.MS_SHARED},
	{name: "silent", kind: ignored},
	{name: "slave", kind: propagation, set: unix.MS_SLAVE},
	{name: "src-nofollow", kind: links},
	{name: "strictatime", kind: attr, set: unix.MOUNT_ATTR_STRICTATIME, clear: unix.MOUNT_ATTR__ATIME},
	{name: "suid", kind: attr, clear: unix.MOUNT_ATTR_NOSUID},
	{name: "symfollow", kind: attr, clear: unix.MOUNT_ATTR_NOSYMFOLLOW},
	{name: "sync", kind: super, opposite: "async"},
	{name: "tmpcopyup", kind: copyUp},
	{name: "unbindable", kind: propagation, set: unix.MS_UNBINDABLE},
}

// lookup returns the row of a word.
func lookup(word string) (*entry, bool) {
	i, found := slices.BinarySearchFunc(table[:], word, func(e entry, w string) int { return strings.Compare(e.name, w) })
	if !found {
		return nil, false
	}
	return &table[i], true
}

// Names lists every option of the specification, sorted, for the features document.
func Names() []string {
	names := make([]string, 0, len(table))
	for i := range table {
		if table[i].kind != links {
			names = append(names, table[i].name)
		}
	}
	return names
}
