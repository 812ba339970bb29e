package rootfs

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Move is Pivot for a host whose root is an initramfs, where pivot_root(2) is refused: it moves the root over "/" and changes
// into it with chroot(2).
//
// This is weaker. The old root stays below the new one, and a process that may call chroot(2) can get there. So all other
// mounts are taken away first. A procfs or sysfs that cannot be, because it is locked (mount_namespaces(7)), is hidden behind
// an empty file system: it would give access to the host past the masks.
func (r *Root) Move() error {
	mounts, err := readMounts()
	if err != nil {
		return &fault.Error{Op: "read", Path: mountinfoPath, Err: err}
	}
	foreign := r.foreignMounts(mounts)
	if slices.ContainsFunc(foreign, func(m mountEntry) bool { return m.shared }) {
		// Else what is unmounted here would be unmounted on the host. All at once, because a mount under another one has no
		// path; volumes of the container that are shared with the host become slaves as well.
		if err := SetPropagation(unix.MS_SLAVE); err != nil {
			return err
		}
	}
	for _, m := range slices.Backward(foreign) { // those on top first
		if err := r.removeMount(&m); err != nil {
			return &fault.Error{Op: "unmount", Path: m.path, Err: err}
		}
	}
	if err := unix.MoveMount(r.fd, "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &fault.Error{Op: "move the root to", Path: "/", Err: err}
	}
	return r.Chroot()
}

// removeMount takes one mount away, or hides it.
func (r *Root) removeMount(m *mountEntry) error {
	err := unix.Unmount(m.path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == unix.ENOENT || err == nil { // ENOENT: below something that is gone, or under another mount
		return nil
	}
	if m.fsType != "proc" && m.fsType != "sysfs" {
		return nil
	}
	fd, err := unix.Open(m.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	treeFd, err := r.emptyTree()
	if err != nil {
		return err
	}
	defer unix.Close(treeFd)
	return moveMount(treeFd, fd)
}

// foreignMounts returns the mounts that are neither the root, nor on it, nor what it lies on.
func (r *Root) foreignMounts(mounts []mountEntry) []mountEntry {
	parents := make(map[uint64]uint64, len(mounts))
	for _, m := range mounts {
		parents[m.id] = m.parent
	}
	var foreign []mountEntry
	for _, m := range mounts {
		if !isOn(parents, m.id, r.mntID) && !isOn(parents, r.mntID, m.id) {
			foreign = append(foreign, m)
		}
	}
	return foreign
}

// isOn says whether a mount is another one or lies on it, directly or not. The root of a namespace may be its own parent.
func isOn(parents map[uint64]uint64, id, other uint64) bool {
	for range len(parents) {
		if id == other {
			return true
		}
		id = parents[id]
	}
	return false
}
