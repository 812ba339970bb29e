package safepath

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Proc is a procfs that nobody else can reach. Writes to /proc through the container's own tree can be redirected by what is
// mounted there: a label into a harmless file, a sysctl into /proc/sysrq-trigger (CVE-2019-16884, CVE-2025-52881).
type Proc struct{ fd int }

// procRootIno is the inode of the root of every procfs (PROC_ROOT_INO in the kernel).
const procRootIno = 1

var (
	errShortWrite = errors.New("short write")
	errNotProc    = errors.New("/proc is not a procfs")
)

// OpenProc mounts a procfs of the caller's pid namespace and attaches it nowhere. It has all files, sysctls included, and
// must therefore not outlive the set-up.
//
// In a user namespace the kernel refuses that with EPERM where the visible /proc has mounts over it, because the new one
// would show what they hide. Then it is the visible /proc, verified to be one; files with something mounted over them stay
// out of reach through it. So it must be called before the root changes.
func OpenProc() (*Proc, error) {
	ctxFd, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err == nil {
		defer unix.Close(ctxFd)
		err = unix.FsconfigCreate(ctxFd)
	}
	if err == nil {
		var fd int
		if fd, err = unix.Fsmount(ctxFd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC); err == nil {
			return &Proc{fd: fd}, nil
		}
	}
	if err == unix.EPERM {
		return openVisibleProc()
	}
	return nil, err
}

func openVisibleProc() (*Proc, error) {
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var fs unix.Statfs_t
	var st unix.Stat_t
	err = unix.Fstatfs(fd, &fs)
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	if err == nil && (fs.Type != unix.PROC_SUPER_MAGIC || st.Ino != procRootIno) {
		err = errNotProc
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Proc{fd: fd}, nil
}

// Close gives up the handle, and with it the procfs.
func (p *Proc) Close() { unix.Close(p.fd) }

// Write writes data to a file, by its name below /proc: "sys/net/ipv4/ip_forward". One write(2), which the files of procfs
// take whole or not at all; the file is neither created nor truncated.
func (p *Proc) Write(name string, data []byte) error { return writeBeneath(p.fd, name, data) }

// WriteSelf is Write to a file of the calling thread, which must be locked: "attr/exec". /proc/thread-self is a symbolic
// link, the only one that is followed.
func (p *Proc) WriteSelf(name string, data []byte) error {
	dirFd, err := openat2(p.fd, "thread-self", unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return err
	}
	defer unix.Close(dirFd)
	return writeBeneath(dirFd, name, data)
}

// Unmount takes away the mount whose root fd is, an O_PATH descriptor of the calling thread, with what is mounted below it
// (umount2(2), MNT_DETACH), by no path that somebody could change. The working directory is / afterwards.
func (p *Proc) Unmount(fd int) error {
	dirFd, err := openat2(p.fd, "thread-self/fd", unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return err
	}
	defer unix.Close(dirFd)
	if err := unix.Fchdir(dirFd); err != nil {
		return err
	}
	err = unix.Unmount(strconv.Itoa(fd), unix.MNT_DETACH)
	if back := unix.Chdir("/"); err == nil {
		err = back
	}
	return err
}

func writeBeneath(dirFd int, name string, data []byte) error {
	fd, err := OpenBeneath(dirFd, name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Write(fd, data)
	if err == nil && n != len(data) {
		err = errShortWrite
	}
	return err
}
