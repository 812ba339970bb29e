package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// cloneTree returns a detached copy of the mount at a path, or of the mount that a descriptor lies on.
func cloneTree(dirFd int, path string, flags uint) (int, error) {
	return unix.OpenTree(dirFd, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|flags)
}

// moveMount attaches the mount fromFd on the file or directory targetFd. Afterwards fromFd is a descriptor of the attached
// mount's root.
func moveMount(fromFd, targetFd int) error {
	return unix.MoveMount(fromFd, "", targetFd, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
}

// setAttr changes the attributes of the mount whose root is fd; flags may be AT_RECURSIVE.
func setAttr(fd int, flags uint, a step.Attr) error {
	return unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|flags, &unix.MountAttr{Attr_set: a.Set, Attr_clr: a.Clear})
}

// setPropagation applies one propagation option to the mount whose root is fd.
func setPropagation(fd int, change step.PropagationChange) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if change.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(fd, "", flags, &unix.MountAttr{Propagation: change.Flag})
}

// stat returns type, mode, owner, inode, device and mount of a descriptor (STATX_MNT_ID: Linux 5.8).
func stat(fd int) (st unix.Statx_t, err error) {
	const mask = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID | unix.STATX_GID | unix.STATX_INO | unix.STATX_MNT_ID
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, mask, &st)
	return st, err
}

func fileType(st *unix.Statx_t) uint32 { return uint32(st.Mode) & unix.S_IFMT }

func isDir(st *unix.Statx_t) bool { return fileType(st) == unix.S_IFDIR }

// device joins what statx(2) gives in two halves.
func device(st *unix.Statx_t) uint64 { return unix.Mkdev(st.Dev_major, st.Dev_minor) }

// isMountRoot says whether the descriptor is the root of a mount (STATX_ATTR_MOUNT_ROOT: Linux 5.8).
func isMountRoot(st *unix.Statx_t) bool { return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 }
