package foreground

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
)

// CatchSignals collects every signal that the container shall get instead of the runtime, and SIGCHLD, which tells the
// runtime that there may be an orphan to reap. The result goes into Options.Signals; the signals stay caught to the end of
// the process.
//
// Not caught are SIGPIPE, which is about the runtime's own pipes, SIGURG, with which the Go scheduler interrupts its
// threads, and those that a faulting instruction of ours raises. With a terminal between, SIGTTIN and SIGTTOU are not
// either: the kernel sends them to a background job that uses the host's terminal, and a job that catches them instead of
// stopping would retry for ever.
func CatchSignals(withTerminal bool) (fd int, err error) {
	signals := make([]unix.Signal, 0, sys.NumSignals)
	for s := unix.Signal(1); s <= sys.NumSignals; s++ {
		if caught(s, withTerminal) {
			signals = append(signals, s)
		}
	}
	if fd, err = sys.CatchSignals(signals); err != nil {
		return -1, &fault.Error{Op: "catch signals", Err: err}
	}
	return fd, nil
}

func caught(s unix.Signal, withTerminal bool) bool {
	switch s {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGPIPE, unix.SIGURG:
		return false
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS:
		return false
	case unix.SIGTTIN, unix.SIGTTOU:
		return !withTerminal
	}
	return true
}
