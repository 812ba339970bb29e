// Package sealed makes an executable that nobody can write to, for its descriptor to be executed.
//
// It owns the two ways of sealing and the file that an embedded executable is kept in. It may not know what the executable
// is for. A process of a container that reaches one of ours through /proc/PID/exe must find nothing it can change
// (CVE-2019-5736), and the directories of tare may lie on a file system that is mounted noexec, as /run is on Debian.
package sealed

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Embedded seals an executable that is part of this binary. It is written once to a file in dir, which is made with mode
// 0700 where missing; name must differ for different content. The descriptor is the caller's.
func Embedded(dir, name string, content []byte) (int, error) {
	path := filepath.Join(dir, name)
	fd, err := openCached(path, int64(len(content)))
	if err == unix.ENOENT {
		if err = storeCached(dir, path, content); err == nil {
			fd, err = openCached(path, int64(len(content)))
		}
	}
	if err != nil {
		e := &fault.Error{Op: "keep executable", Path: path, Err: err, Hint: "the directory must be ours and have room"}
		if err == errForeign {
			e.Hint = "delete the file, it is made again"
		}
		return -1, e
	}
	defer unix.Close(fd)
	return seal(fd, name, func() ([]byte, error) { return content, nil })
}

// Self seals the binary of this process. The descriptor is the caller's.
func Self(name string) (int, error) {
	const path = "/proc/self/exe"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fault.Error{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return seal(fd, name, func() ([]byte, error) { return readAll(fd) })
}

// seal makes a private read-only mount of the file, which takes three system calls (Linux 5.12). Where the kernel refuses
// that, in a user namespace that does not own the mount, the content is copied into a sealed memfd, which costs half a
// millisecond for each megabyte and a half. If neither works, nothing is executed.
func seal(fd int, name string, content func() ([]byte, error)) (int, error) {
	sealedFd, err := readOnlyMount(fd)
	if err == unix.EPERM || err == unix.EINVAL {
		var b []byte
		if b, err = content(); err == nil {
			sealedFd, err = memfd(name, b)
		}
	}
	if err != nil {
		return -1, &fault.Error{Op: "seal", Path: name, Err: err}
	}
	return sealedFd, nil
}

var errForeign = fault.Text("not the file that was stored there")

// openCached opens the file if it is what storeCached made: ours, whole, not writable, no link.
func openCached(name string, size int64) (int, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if st.Mode != unix.S_IFREG|0o511 || int(st.Uid) != unix.Geteuid() || st.Nlink != 1 || st.Size != size {
		unix.Close(fd)
		return -1, errForeign
	}
	return fd, nil
}

// storeCached writes the executable, which others may execute, as the root of a user namespace has to, and not read: what
// executes a file that it cannot read is not dumpable, from its first instruction on. It has a name of its own until it is
// whole, so that nobody sees half of it.
func storeCached(dir, name string, content []byte) error {
	if err := unix.Mkdir(dir, 0o700); err != nil && err != unix.EEXIST {
		return err
	}
	temporary := name + "." + strconv.Itoa(unix.Getpid())
	unix.Unlink(temporary) // of a process that had our pid and was killed here
	fd, err := unix.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o511)
	if err != nil {
		return err
	}
	err = unix.Fchmod(fd, 0o511) // whatever the umask
	if err == nil {
		err = writeAll(fd, content)
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Rename(temporary, name)
	}
	if err != nil {
		unix.Unlink(temporary)
	}
	return err
}

// readOnlyMount makes a detached mount of one file, read-only, and executable even if the directory is mounted noexec, as
// /run is on Debian.
func readOnlyMount(fd int) (int, error) {
	tree, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID, Attr_clr: unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

func readAll(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	b := make([]byte, st.Size)
	for done := 0; done < len(b); {
		n, err := unix.Pread(fd, b[done:], int64(done))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, unix.EIO
		}
		done += n
	}
	return b, nil
}

// memfd makes a copy in memory that nobody can write to, resize or unseal.
func memfd(name string, content []byte) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memfd is executable and the flag is unknown
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, err
	}
	err = writeAll(fd, content)
	if err == nil {
		const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
