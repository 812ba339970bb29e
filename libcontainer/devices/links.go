package devices

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
)

var errNotLink = errors.New("is not a symbolic link")

// Links makes the symbolic links of /dev (config-linux.md, "Default Devices" and "Default Filesystems"): fd, stdin, stdout and
// stderr where the container has /proc/self/fd, core where it has /proc/kcore, and ptmx always.
//
// It runs after the mounts. It must not run where /dev is bound from the host, whose ptmx it would replace. If /dev is a
// symbolic link of the image, the links are made where that leads inside the root.
func Links(rootFd int) error {
	root := safepath.Root{Fd: rootFd}
	dirFd, err := root.MkdirAll("/dev", 0o755)
	if err != nil {
		return &fault.Error{Op: "dev links", Path: "/dev", Err: err}
	}
	defer unix.Close(dirFd)
	if exists(root, "/proc/self/fd") {
		for _, l := range [...]struct{ name, target string }{
			{"fd", "/proc/self/fd"},
			{"stdin", "/proc/self/fd/0"},
			{"stdout", "/proc/self/fd/1"},
			{"stderr", "/proc/self/fd/2"},
		} {
			if err := link(dirFd, l.name, l.target); err != nil {
				return err
			}
		}
	}
	if exists(root, "/proc/kcore") {
		if err := link(dirFd, "core", "/proc/kcore"); err != nil {
			return err
		}
	}
	return linkPtmx(dirFd)
}

func exists(root safepath.Root, path string) bool {
	fd, err := root.Open(path)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

// link makes one link. Another link of that name stays: images have relative ones, or stdin → fd/0, to the same effect.
func link(dirFd int, name, target string) error {
	err := unix.Symlinkat(target, dirFd, name)
	if err == unix.EEXIST {
		var st unix.Stat_t
		err = unix.Fstatat(dirFd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && st.Mode&unix.S_IFMT != unix.S_IFLNK {
			err = errNotLink
		}
	}
	return linkError(name, err)
}

// linkPtmx replaces whatever is at ptmx by the multiplexer of the container's own devpts instance. A node made by mknod(2)
// would open the instance beside it as well (Linux 4.7), but one of the image is not trusted to be that node.
func linkPtmx(dirFd int) error {
	const target = "pts/ptmx"
	err := unix.Symlinkat(target, dirFd, "ptmx")
	if err != unix.EEXIST {
		return linkError("ptmx", err)
	}
	var buf [len(target) + 1]byte
	if n, err := unix.Readlinkat(dirFd, "ptmx", buf[:]); err == nil && string(buf[:n]) == target {
		return nil
	}
	if err = unix.Unlinkat(dirFd, "ptmx", 0); err == nil {
		err = unix.Symlinkat(target, dirFd, "ptmx")
	}
	return linkError("ptmx", err)
}

func linkError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &fault.Error{Op: "dev links", Path: "/dev/" + name, Err: err, Hint: "remove it from the image, or mount a tmpfs on /dev"}
}
