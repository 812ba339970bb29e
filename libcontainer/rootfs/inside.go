package rootfs

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

// The root of a running container, to which mounts are added and from which they are taken away (C36).

// OpenInside is Open in the mount namespace of a running container, with its root.
func OpenInside() (*Root, error) {
	fd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Error{Op: "open root", Path: "/", Err: err}
	}
	r, err := newRoot(fd, "/")
	if err == nil {
		r.inside = true
	}
	return r, err
}

// attachInside is attach, and remembers what to take away again. A container that runs keeps its root.
func (r *Root) attachInside(fd int, t *target, o *step.MountOptions) error {
	if r.isRoot(t) {
		unix.Close(fd)
		return &callError{call: "move_mount", errno: unix.EBUSY, detail: "the root of a running container stays"}
	}
	if err := moveMount(fd, t.fd); err != nil {
		unix.Close(fd)
		return called("move_mount", err)
	}
	r.added = append(r.added, fd)
	return propagate(fd, o)
}

// TakeBack unmounts what has been mounted, the last first; outside of a running container nothing.
func (r *Root) TakeBack(proc *safepath.Proc) error {
	var first error
	for _, fd := range slices.Backward(r.added) {
		if err := proc.Unmount(fd); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Added says whether TakeBack has something to do.
func (r *Root) Added() bool { return len(r.added) > 0 }

// FindMount finds what is mounted at a path, for Unmount. A symbolic link on the way is refused: the container may have made it,
// and it would choose what goes.
func (r *Root) FindMount(path string) error {
	fd, err := r.paths().OpenPlain(path)
	if err != nil {
		e := &fault.Error{Op: "unmount", Path: path, Err: err}
		if err == unix.ELOOP {
			e.Hint = "there is a symbolic link in the path; name the place itself"
		}
		return e
	}
	r.leave = append(r.leave, fd)
	st, err := stat(fd)
	switch {
	case err != nil:
		return &fault.Error{Op: "unmount", Path: path, Err: err}
	case !isMountRoot(&st):
		return &fault.Error{Op: "unmount", Path: path, Err: unix.EINVAL, Hint: "nothing is mounted there"}
	case st.Mnt_id == r.mntID:
		return &fault.Error{Op: "unmount", Path: path, Err: unix.EBUSY, Hint: "it is the root of the container"}
	}
	return nil
}

// Unmount takes away what FindMount has found. What is mounted below goes too, and what still uses a file keeps it (MNT_DETACH).
func (r *Root) Unmount(proc *safepath.Proc) error {
	for _, fd := range slices.Backward(r.leave) {
		if err := proc.Unmount(fd); err != nil {
			return &fault.Error{Op: "umount2", Path: "descriptor " + strconv.Itoa(fd), Err: err}
		}
	}
	return nil
}
