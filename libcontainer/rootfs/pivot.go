package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Pivot makes the root the "/" of this process and detaches the old one.
//
// Preconditions: a mount namespace of our own; neither the root mount nor its parent is shared (Open has seen to both).
//
// pivot_root(".", ".") stacks the old root on the new one, so no directory is needed to hold it (pivot_root(2), NOTES). The
// old root is made slave once more before it goes: unmounting what is still shared with the host would unmount it there.
func (r *Root) Pivot() error {
	oldFd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fault.Error{Op: "pivot", Path: "/", Err: err}
	}
	defer unix.Close(oldFd)
	if err := unix.Fchdir(r.fd); err != nil {
		return &fault.Error{Op: "fchdir to the root", Err: err}
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		e := &fault.Error{Op: "pivot_root", Err: err}
		if err == unix.EINVAL {
			e.Hint = "where the host runs from an initramfs, use --no-pivot"
		}
		return e
	}
	slave := &unix.MountAttr{Propagation: unix.MS_SLAVE}
	if err := unix.MountSetattr(oldFd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, slave); err != nil {
		return &fault.Error{Op: "make the old root slave", Err: err}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil { // the topmost mount at ".": the old root
		return &fault.Error{Op: "detach the old root", Err: err}
	}
	if err := unix.Chdir("/"); err != nil {
		return &fault.Error{Op: "chdir", Path: "/", Err: err}
	}
	return nil
}

// Chroot makes the root the "/" of this process and leaves all mounts as they are.
func (r *Root) Chroot() error {
	if err := unix.Fchdir(r.fd); err != nil {
		return &fault.Error{Op: "fchdir to the root", Err: err}
	}
	if err := unix.Chroot("."); err != nil {
		return &fault.Error{Op: "chroot", Err: err}
	}
	return nil
}
