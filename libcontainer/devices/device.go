package devices

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

var (
	errDiffers = errors.New("is something else already")
	errNoHost  = errors.New("mknod is not permitted, and the host has no such node to bind")
)

// Make makes one device node or FIFO, and the directories above it where they are missing. A node that is there and has the
// same type and number gets the mode and the owner; anything else at its path is an error (config-linux.md, "Devices": MUST).
//
// A default device that is there is left as it is: it came with the image or by a bind, and may be the host's own.
func Make(rootFd int, d *step.Device) error {
	if err := makeNode(safepath.Root{Fd: rootFd}, d); err != nil {
		e := &fault.Error{Op: "device", Path: d.Path, Err: err}
		switch err {
		case errDiffers:
			e.Hint = "remove it from the image, or mount a tmpfs there"
		case errNoHost:
			e.Hint = "bind it from where the host has it"
		}
		return e
	}
	return nil
}

func makeNode(root safepath.Root, d *step.Device) error {
	dirFd, name, err := root.Parent(d.Path)
	if err != nil {
		return err
	}
	defer unix.Close(dirFd)
	umask := unix.Umask(0) // the mode is exact
	err = unix.Mknodat(dirFd, name, typeBits(d)|d.Mode, int(unix.Mkdev(d.Major, d.Minor)))
	unix.Umask(umask)
	exists := err == unix.EEXIST
	if err == unix.EPERM && d.Type != 'p' {
		return bindHostNode(root, d)
	}
	if err != nil && !exists {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(dirFd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch {
	case !same(d, &st):
		return errDiffers
	case exists && d.Default, matches(d, &st):
		return nil
	}
	return adjust(dirFd, name, d)
}

// typeBits is the type of the node for mknod(2).
func typeBits(d *step.Device) uint32 {
	switch d.Type {
	case 'b':
		return unix.S_IFBLK
	case 'p':
		return unix.S_IFIFO
	}
	return unix.S_IFCHR
}

// same says whether st is the device that is wanted, whoever owns it.
func same(d *step.Device, st *unix.Stat_t) bool {
	if st.Mode&unix.S_IFMT != typeBits(d) {
		return false
	}
	return d.Type == 'p' || st.Rdev == unix.Mkdev(d.Major, d.Minor)
}

// matches says whether mode and owner are right as well.
func matches(d *step.Device, st *unix.Stat_t) bool {
	return st.Mode&0o7777 == d.Mode && st.Uid == d.UID && st.Gid == d.GID
}

// adjust sets the owner, then the mode, which a change of owner may reduce. It works on a descriptor that is verified to be
// the device, so that a name which is exchanged meanwhile costs an error and not the permissions of another file.
func adjust(dirFd int, name string, d *step.Device) error {
	fd, err := unix.Openat(dirFd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if !same(d, &st) {
		return errDiffers
	}
	if st.Uid != d.UID || st.Gid != d.GID {
		if err := unix.Fchownat(fd, "", int(d.UID), int(d.GID), unix.AT_EMPTY_PATH); err != nil {
			return err
		}
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
	}
	if st.Mode&0o7777 == d.Mode {
		return nil
	}
	return chmod(fd, d.Mode)
}
