package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// Mask hides a path: a directory behind an empty read-only file system, anything else behind the null device. A path that
// does not exist needs no mask; symbolic links are followed inside the root.
//
// Precondition: before Pivot, because the null device is the host's.
func (r *Root) Mask(path string) error {
	fd, missing, err := r.openProtected(path)
	if missing || err != nil {
		return protectError("mask", path, err)
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	if err == nil {
		if isDir(&st) {
			err = r.maskDir(path, fd)
		} else {
			err = r.maskFile(path, fd)
		}
	}
	return protectError("mask", path, err)
}

// ReadonlyPath makes a path and everything mounted below it read-only, and leaves their other attributes. A path that does not
// exist is fine.
func (r *Root) ReadonlyPath(path string) error {
	fd, missing, err := r.openProtected(path)
	if missing || err != nil {
		return protectError("make read-only", path, err)
	}
	defer unix.Close(fd)
	return protectError("make read-only", path, r.coverReadonly(path, fd))
}

func (r *Root) coverReadonly(path string, fd int) error {
	treeFd, err := cloneTree(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return called("open_tree", err)
	}
	defer unix.Close(treeFd)
	if err := setAttr(treeFd, unix.AT_RECURSIVE, step.Attr{Set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return called("mount_setattr ro", err)
	}
	if err := moveMount(treeFd, fd); err != nil {
		return called("move_mount", err)
	}
	mount, err := stat(treeFd)
	if err != nil {
		return called("statx", err)
	}
	return r.verify(path, func(st *unix.Statx_t) bool { return st.Mnt_id == mount.Mnt_id && st.Ino == mount.Ino })
}

// openProtected opens a path that is to be protected. ENOTDIR means that a directory on the way is none: there is no such
// path either. The root itself is refused: a process whose root it is does not see what is mounted on it, but by "/..".
func (r *Root) openProtected(path string) (fd int, missing bool, err error) {
	fd, err = r.paths().Open(path)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return -1, true, nil
	}
	if err != nil {
		return -1, false, called("open", err)
	}
	st, err := stat(fd)
	if err == nil && st.Mnt_id == r.mntID && st.Ino == r.ino {
		err = errIsRoot
	}
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	return fd, false, nil
}

func (r *Root) maskFile(path string, targetFd int) error {
	if err := r.openNull(); err != nil {
		return called("open /dev/null", err)
	}
	treeFd, err := cloneTree(r.nullFd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return called("open_tree /dev/null", err)
	}
	defer unix.Close(treeFd)
	if err := moveMount(treeFd, targetFd); err != nil {
		return called("move_mount", err)
	}
	return r.verify(path, func(st *unix.Statx_t) bool { return isMountRoot(st) && isNull(st) })
}

// openNull opens the host's null device, once, and makes sure that it is that: a mask by another file would show, or even let
// the container write, whatever somebody has put there (CVE-2025-31133).
func (r *Root) openNull() error {
	if r.nullFd >= 0 {
		return nil
	}
	fd, err := unix.Open("/dev/null", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	st, err := stat(fd)
	if err == nil && !isNull(&st) {
		err = errNotNull
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	r.nullFd = fd
	return nil
}

func isNull(st *unix.Statx_t) bool {
	return fileType(st) == unix.S_IFCHR && st.Rdev_major == 1 && st.Rdev_minor == 3
}

func (r *Root) maskDir(path string, targetFd int) error {
	treeFd, err := r.emptyTree()
	if err != nil {
		return err
	}
	if err := moveMount(treeFd, targetFd); err != nil {
		unix.Close(treeFd)
		return called("move_mount", err)
	}
	if r.emptyFd < 0 {
		r.emptyFd = treeFd
	} else {
		defer unix.Close(treeFd)
	}
	return r.verify(path, func(st *unix.Statx_t) bool { return isMountRoot(st) && device(st) == r.emptyDev })
}

// emptyTree returns a detached mount of the empty file system that all masked directories share. It is made for the first of
// them; the others get copies of that one, because a mount that is attached nowhere can be copied only since Linux 6.15.
func (r *Root) emptyTree() (int, error) {
	if r.emptyFd >= 0 {
		fd, err := cloneTree(r.emptyFd, "", unix.AT_EMPTY_PATH)
		return fd, called("open_tree", err)
	}
	ctx, err := openContext("tmpfs")
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	empty := &step.MountOptions{Super: []string{"ro"}, Data: []string{"mode=755", "nr_blocks=1", "nr_inodes=1"}}
	if err := ctx.setAll(empty); err != nil {
		return -1, err
	}
	fd, err := ctx.mount(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, err
	}
	st, err := stat(fd)
	if err != nil {
		unix.Close(fd)
		return -1, called("statx", err)
	}
	r.emptyDev = device(&st)
	return fd, nil
}

// verify opens a path anew and asks whether it is what has just been mounted there (R3).
func (r *Root) verify(path string, isMount func(*unix.Statx_t) bool) error {
	fd, err := r.paths().Open(path)
	if err != nil {
		return called("open again", err)
	}
	defer unix.Close(fd)
	st, err := stat(fd)
	if err != nil {
		return called("statx", err)
	}
	if !isMount(&st) {
		return errMoved
	}
	return nil
}

func protectError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: op, Path: path, Err: err}
	if err == errIsRoot {
		e.Hint = "root.readonly makes all of it read-only"
	}
	return e
}
