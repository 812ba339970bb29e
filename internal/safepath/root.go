package safepath

import (
	"golang.org/x/sys/unix"
)

// Root is a directory that paths cannot leave. It does not own its descriptor.
type Root struct{ Fd int }

// maxTries bounds the repetition of openat2(2), which gives up with EAGAIN where ".." meets a rename or a mount anywhere on
// the system.
const maxTries = 128

// Open returns an O_PATH descriptor of what a container path names, all symbolic links followed.
func (r Root) Open(path string) (int, error) {
	return openat2(r.Fd, path, unix.O_PATH, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// OpenDir is Open for what must be a directory; else ENOTDIR.
func (r Root) OpenDir(path string) (int, error) {
	return openat2(r.Fd, path, unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// OpenPlain is Open for a path that must be what it says: with a symbolic link anywhere in it the error is ELOOP.
func (r Root) OpenPlain(path string) (int, error) {
	return openat2(r.Fd, path, unix.O_PATH, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
}

// OpenBeneath opens what lies below a directory, on the same mount and through no symbolic link.
func OpenBeneath(dirFd int, name string, flags uint64) (int, error) {
	return openat2(dirFd, name, flags, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_SYMLINKS)
}

func openat2(dirFd int, path string, flags, resolve uint64) (fd int, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for range maxTries {
		fd, err = unix.Openat2(dirFd, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return fd, err
}
