package rootfs

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/safepath"
)

// maxCopyDepth bounds how deep copyUp goes, and with it the descriptors it holds open.
const maxCopyDepth = 100

var errTooDeep = errors.New("directories are nested too deeply")

// copyUp copies what is in the directory fromFd, an O_PATH descriptor inside the image, into toFd, the root of a file system
// that nobody else can reach yet. Types, modes, owners, times and contents are kept, extended attributes and hard links are
// not. What is mounted inside the directory is left out.
//
// The image may change meanwhile, so each name is opened without following a symbolic link, and what is opened decides what is
// copied.
func copyUp(fromFd, toFd int) error {
	defer unix.Umask(unix.Umask(0))
	return copyDir(fromFd, toFd, 0)
}

func copyDir(fromFd, toFd, depth int) error {
	if depth == maxCopyDepth {
		return errTooDeep
	}
	dirFd, err := unix.Openat(fromFd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dirFd)
	buf := make([]byte, 8192)
	for {
		n, err := unix.ReadDirent(dirFd, buf)
		if n <= 0 || err != nil {
			return err
		}
		_, _, names := unix.ParseDirent(buf[:n], -1, nil)
		for _, name := range names {
			if err := copyEntry(dirFd, toFd, name, depth); err != nil {
				return err
			}
		}
	}
}

// copyEntry copies one name. Something that has vanished since the directory was read is none of ours.
func copyEntry(fromDirFd, toDirFd int, name string, depth int) error {
	fd, err := safepath.OpenBeneath(fromDirFd, name, unix.O_PATH|unix.O_NOFOLLOW)
	if err == unix.ENOENT || err == unix.EXDEV { // EXDEV: a mount point
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = copySubdir(fd, toDirFd, name, depth)
	case unix.S_IFREG:
		err = copyFile(fromDirFd, toDirFd, name)
	case unix.S_IFLNK:
		err = copyLink(fd, toDirFd, name)
	default:
		err = unix.Mknodat(toDirFd, name, st.Mode, int(st.Rdev))
	}
	if err != nil {
		return err
	}
	return copyMetadata(&st, toDirFd, name)
}

func copySubdir(fromFd, toDirFd int, name string, depth int) error {
	if err := unix.Mkdirat(toDirFd, name, 0o700); err != nil {
		return err
	}
	toFd, err := unix.Openat(toDirFd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(toFd)
	return copyDir(fromFd, toFd, depth+1)
}

// copyFile copies contents. O_NONBLOCK is for a FIFO that has taken the place of the file.
func copyFile(fromDirFd, toDirFd int, name string) error {
	fromFd, err := safepath.OpenBeneath(fromDirFd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer unix.Close(fromFd)
	toFd, err := unix.Openat(toDirFd, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(toFd)
	for {
		n, err := unix.Sendfile(toFd, fromFd, nil, 1<<30)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return err
		}
	}
}

func copyLink(fd, toDirFd int, name string) error {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	if err != nil {
		return err
	}
	return unix.Symlinkat(string(buf[:n]), toDirFd, name)
}

// copyMetadata sets the owner first, which clears set-user-ID bits, then the mode, then the times.
func copyMetadata(st *unix.Stat_t, toDirFd int, name string) error {
	if err := unix.Fchownat(toDirFd, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(toDirFd, name, st.Mode&0o7777, 0); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(toDirFd, name, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}
