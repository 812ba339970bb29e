package console

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Attach makes the slave the controlling terminal of this process and its descriptors 0 to 2. It takes ownership of slaveFd,
// and closes it on every path.
func Attach(slaveFd int) error {
	if slaveFd > 2 {
		defer unix.Close(slaveFd)
	}
	if err := NewSession(); err != nil {
		return err
	}
	// The argument 0 asks for a terminal that is nobody's; stealing is never needed for a fresh one (ioctl_tty(2)).
	if err := unix.IoctlSetInt(slaveFd, unix.TIOCSCTTY, 0); err != nil {
		return &fault.Error{Op: "ioctl TIOCSCTTY", Err: err}
	}
	for fd := 0; fd <= 2; fd++ {
		if fd == slaveFd {
			continue
		}
		if err := unix.Dup3(slaveFd, fd, 0); err != nil {
			return &fault.Error{Op: "dup3", Err: err}
		}
	}
	return nil
}

// NewSession makes this process the leader of a session, so that it neither gets the signals of the caller's terminal nor
// can open it as /dev/tty. A process that leads one already succeeds.
func NewSession() error {
	if _, err := unix.Setsid(); err != nil {
		if sid, e := unix.Getsid(0); e != nil || sid != unix.Getpid() {
			return &fault.Error{Op: "setsid", Err: err}
		}
	}
	return nil
}
