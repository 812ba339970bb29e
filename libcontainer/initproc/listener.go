package initproc

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/step"
	"github.com/tare-run/tare/libcontainer/wire"
)

// loadFilter loads the seccomp filter.
//
// A filter with SCMP_ACT_NOTIFY has a listener, which must be with the agent before the first system call that it is asked
// about. Init cannot send it: sendmsg(2) may be such a call. So it says before which descriptor the listener will be, and
// the runtime fetches it (pidfd_getfd(2), Linux 5.6).
func (p *proc) loadFilter(s *step.Seccomp) error {
	if s.Flags&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 {
		return sys.SeccompLoad(s.Filter, s.Flags)
	}
	lowestFd, err := unix.FcntlInt(uintptr(p.conn.Fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return &fault.Error{Op: "find a descriptor for the listener", Err: err}
	}
	unix.Close(lowestFd)
	if err := p.conn.Send(&wire.Listener{Number: uint32(lowestFd), Taken: sys.ListenerTaken()}); err != nil {
		unix.Exit(255) // nobody left who could hand the listener on
	}
	err = sys.SeccompListen(s.Filter, s.Flags)
	if err == unix.EBUSY {
		return &fault.Error{Err: err, Hint: "a filter with a listener is in force already, and the kernel allows one for each process"}
	}
	return err
}
