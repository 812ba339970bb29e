// Package console is the container side of a terminal: it allocates a pseudoterminal in the container's own devpts and
// makes it the controlling terminal of init.
//
// It may not send the master anywhere, bind the slave on /dev/console (package rootfs does, from the descriptor), or know the
// terminal of the host (package foreground does). Init links it.
package console

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Device numbers of terminals (Linux Documentation/admin-guide/devices.txt).
const (
	ptmxMajor, ptmxMinor = 5, 2
	slaveMajor           = 136
)

// Pty is a pair of descriptors, both close-on-exec.
type Pty struct {
	MasterFd int
	SlaveFd  int
	Name     string // of the slave as the container sees it: "/dev/pts/0"
}

// Close closes both ends.
func (p *Pty) Close() {
	unix.Close(p.MasterFd)
	unix.Close(p.SlaveFd)
}

// Allocate makes a pseudoterminal in the devpts that is mounted on /dev/pts below rootFd. A width and height of 0 leave the
// window size alone.
//
// Nothing is opened twice by name: the slave comes from the master (TIOCGPTPEER, Linux 4.13), because a name under /dev/pts
// can be replaced on a shared volume between two looks (CVE-2025-52565).
func Allocate(rootFd int, width, height uint16) (*Pty, error) {
	masterFd, err := openMaster(rootFd)
	if err != nil {
		return nil, err
	}
	pty, err := unlock(masterFd)
	if err != nil {
		unix.Close(masterFd)
		return nil, err
	}
	if width == 0 && height == 0 {
		return pty, nil
	}
	size := unix.Winsize{Row: height, Col: width}
	if err := unix.IoctlSetWinsize(masterFd, unix.TIOCSWINSZ, &size); err != nil {
		pty.Close()
		return nil, &fault.Error{Op: "ioctl TIOCSWINSZ", Err: err}
	}
	return pty, nil
}

// openMaster opens ptmx of the container's devpts. The directory is verified before anything in it is opened: in a devpts the
// kernel alone makes names, and RESOLVE_NO_XDEV refuses what is bound over one.
func openMaster(rootFd int) (int, error) {
	const path = "/dev/pts/ptmx"
	dirFd, err := openat2(rootFd, "dev/pts", unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	if err != nil {
		return -1, &fault.Error{Op: "open", Path: "/dev/pts", Err: err, Hint: "a terminal needs a devpts mount there"}
	}
	defer unix.Close(dirFd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(dirFd, &fs); err != nil {
		return -1, &fault.Error{Op: "fstatfs", Path: "/dev/pts", Err: err}
	}
	if int64(fs.Type) != unix.DEVPTS_SUPER_MAGIC {
		return -1, &fault.Error{Op: "open", Path: path, Err: errNotDevpts, Hint: "a terminal needs a devpts mount on /dev/pts"}
	}
	fd, err := openat2(dirFd, "ptmx", unix.O_RDWR|unix.O_NOCTTY, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return -1, &fault.Error{Op: "open", Path: path, Err: err}
	}
	if err := verify(fd, ptmxMajor, ptmxMinor); err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// unlock makes the slave usable and opens it.
func unlock(masterFd int) (*Pty, error) {
	if err := unix.IoctlSetPointerInt(masterFd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, &fault.Error{Op: "ioctl TIOCSPTLCK", Err: err}
	}
	number, err := unix.IoctlGetUint32(masterFd, unix.TIOCGPTN)
	if err != nil {
		return nil, &fault.Error{Op: "ioctl TIOCGPTN", Err: err}
	}
	// This request takes its flags by value and returns a descriptor.
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(masterFd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return nil, &fault.Error{Op: "ioctl TIOCGPTPEER", Err: errno}
	}
	slaveFd := int(fd)
	if err := verify(slaveFd, slaveMajor, number); err != nil {
		unix.Close(slaveFd)
		return nil, &fault.Error{Op: "ioctl TIOCGPTPEER", Err: err}
	}
	return &Pty{MasterFd: masterFd, SlaveFd: slaveFd, Name: "/dev/pts/" + strconv.FormatUint(uint64(number), 10)}, nil
}

var (
	errNotDevpts   = fault.Text("the filesystem is not devpts")
	errWrongDevice = fault.Text("not the expected terminal device")
)

// verify demands a character device with these numbers.
func verify(fd int, major, minor uint32) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(uint64(st.Rdev)) != major || unix.Minor(uint64(st.Rdev)) != minor {
		return errWrongDevice
	}
	return nil
}

// openat2 retries: besides EINTR, EAGAIN means that a rename elsewhere kept the kernel from proving that ".." stayed inside
// (openat2(2)).
func openat2(dirFd int, name string, flags, resolve uint64) (fd int, err error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for range 128 {
		fd, err = unix.Openat2(dirFd, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
	return -1, err
}
