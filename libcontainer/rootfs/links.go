package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// The mount options about symbolic links that crun has and the specification has not (F37).

// openLinkTarget is openTarget for a destination that is meant itself where it is a symbolic link: the mount covers the link.
func (r *Root) openLinkTarget(path string, dir bool) (*target, error) {
	dirFd, name, err := r.paths().Parent(path)
	if err != nil {
		return nil, called("open", err)
	}
	defer unix.Close(dirFd)
	fd, err := unix.Openat(dirFd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return r.openTarget(path, dir)
	}
	if err != nil {
		return nil, called("open", err)
	}
	return r.inspect(&target{path: path, fd: fd}, dir)
}

// symlink makes the source, which is a symbolic link, again at the destination. One that says the same is there already.
func (r *Root) symlink(m *step.Mount) error {
	dirFd, name, err := r.paths().Parent(m.Destination)
	if err == nil {
		defer unix.Close(dirFd)
		err = unix.Symlinkat(m.LinkTarget, dirFd, name)
		if err == unix.EEXIST && linkSays(dirFd, name, m.LinkTarget) {
			err = nil
		}
	}
	return mountError("symbolic link", m.Destination, called("symlink", err), "")
}

func linkSays(dirFd int, name, target string) bool {
	var text [unix.PathMax]byte
	n, err := unix.Readlinkat(dirFd, name, text[:])
	return err == nil && string(text[:n]) == target
}
