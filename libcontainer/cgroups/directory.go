package cgroups

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// directory is one cgroup: a directory of a cgroup file system, opened when first used.
type directory struct {
	path  string
	dirFd int     // -1 until opened
	inode *uint64 // of a cgroup that somebody else removes, and whose path another one may have by now; 0 until it is known
}

// resolve is how every name below a cgroup directory is looked up. A cgroup file system has no symbolic links, and
// nothing is mounted on it; what has is not one.
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// openAttempts bounds the repetitions that openat2(2) asks for by EAGAIN or that a signal causes.
const openAttempts = 64

func openat2(dirFd int, name string, flags, resolve uint64) (fd int, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for range openAttempts {
		fd, err = unix.Openat2(dirFd, name, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return fd, err
}

// open returns a descriptor of the directory that stays the directory's own. Only O_RDONLY is asked for, as
// CLONE_INTO_CGROUP and bpf(2) want it.
func (d *directory) open() (dirFd int, err error) {
	if d.dirFd < 0 {
		d.dirFd, err = openat2(unix.AT_FDCWD, d.path, unix.O_RDONLY|unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
		if err != nil {
			d.dirFd = -1
			return -1, &fault.Error{Op: "open cgroup", Path: d.path, Err: err, Hint: goneHint(err)}
		}
		if d.inode != nil && inodeOf(d.dirFd) != *d.inode {
			d.close()
			return -1, &fault.Error{Op: "open cgroup", Path: d.path, Err: unix.ENOENT, Hint: goneHint(unix.ENOENT)}
		}
	}
	return d.dirFd, nil
}

// goneHint is for a cgroup that create has made and somebody else has removed, which takes moving all its processes away.
func goneHint(err error) string {
	if err == unix.ENOENT {
		return "it has been removed, and what runs in the container moved elsewhere; kill and delete work without it"
	}
	return ""
}

// inodeOf is the number of a cgroup's directory, which no later one gets: the kernel counts them up (kernfs_node.id). 0 is
// none.
func inodeOf(fd int) uint64 {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0
	}
	return st.Ino
}

func (d *directory) close() {
	if d.dirFd >= 0 {
		unix.Close(d.dirFd)
		d.dirFd = -1
	}
}

// openFile opens a control file. The error is an errno, or the one of open.
func (d *directory) openFile(name string, flags uint64) (fd int, err error) {
	if !isComponent(name) {
		return -1, unix.EINVAL
	}
	dirFd, err := d.open()
	if err != nil {
		return -1, err
	}
	return openat2(dirFd, name, flags, resolve)
}

// read returns what a control file with one value, or a fixed set of them, holds, without the final newline.
func (d *directory) read(name string) (string, error) {
	fd, err := d.openFile(name, unix.O_RDONLY)
	if err != nil {
		return "", d.fileError("read", name, err)
	}
	defer unix.Close(fd)
	content, err := readSmall(fd)
	if err != nil {
		return "", d.fileError("read", name, err)
	}
	return strings.TrimSuffix(content, "\n"), nil
}

// write puts a value into a control file, in one write(2): that is one request to the kernel.
func (d *directory) write(name, value string) error {
	fd, err := d.openFile(name, unix.O_WRONLY)
	if err != nil {
		return d.fileError("write "+strconv.Quote(value)+" to", name, err)
	}
	defer unix.Close(fd)
	if err := writeOnce(fd, value); err != nil {
		return d.fileError("write "+strconv.Quote(value)+" to", name, err)
	}
	return nil
}

// subdirectories returns the names of the cgroups directly below.
func (d *directory) subdirectories() ([]string, error) {
	fd, err := openat2(d.dirFd, ".", unix.O_RDONLY|unix.O_DIRECTORY, resolve)
	if err != nil {
		return nil, &fault.Error{Op: "list", Path: d.path, Err: err}
	}
	file := os.NewFile(uintptr(fd), d.path)
	defer file.Close()
	entries, err := file.ReadDir(-1)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // it has been removed meanwhile, which only an empty one can be
	}
	if err != nil {
		return nil, &fault.Error{Op: "list", Path: d.path, Err: err}
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// child opens a cgroup directly below; the caller closes it.
func (d *directory) child(name string) (*directory, error) {
	path := d.path + "/" + name
	fd, err := openat2(d.dirFd, name, unix.O_RDONLY|unix.O_DIRECTORY, resolve)
	if err != nil {
		return nil, &fault.Error{Op: "open cgroup", Path: path, Err: err}
	}
	return &directory{path: path, dirFd: fd}, nil
}

// fileError wraps an errno; the error of open already says all.
func (d *directory) fileError(op, name string, err error) error {
	if _, bare := err.(unix.Errno); !bare {
		return err
	}
	return &fault.Error{Op: op, Path: d.path + "/" + name, Err: err}
}

// readPath reads a small file by its path, for a look that is not worth opening the directory. The final newline is cut off.
func readPath(path string) (string, error) {
	fd, err := openat2(unix.AT_FDCWD, path, unix.O_RDONLY, unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return "", &fault.Error{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	text, err := readSmall(fd)
	if err != nil {
		return "", &fault.Error{Op: "read", Path: path, Err: err}
	}
	return strings.TrimSuffix(text, "\n"), nil
}

// readSmall reads a file that the kernel prints in one piece: one read returns all of it.
func readSmall(fd int) (string, error) {
	var buffer [4096]byte // a page, which is also the most that the kernel prints for one
	for {
		n, err := unix.Pread(fd, buffer[:], 0)
		if err == unix.EINTR {
			continue
		}
		return string(buffer[:max(n, 0)]), err
	}
}

// readList reads a file that the kernel prints line by line, such as cgroup.procs; short reads are not its end.
func readList(fd int) (string, error) {
	content := make([]byte, 0, 4096)
	for {
		content = slices.Grow(content, 1024)
		n, err := unix.Read(fd, content[len(content):cap(content)])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return string(content), err
		}
		content = content[:len(content)+n]
	}
}

func writeOnce(fd int, value string) error {
	for {
		n, err := unix.Write(fd, []byte(value))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n != len(value):
			return unix.EIO
		}
		return nil
	}
}
