package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// NonDumpable forbids every process of the container to trace init or to open its /proc/PID/fd and exe (CVE-2016-9962,
// CVE-2019-5736). execve(2) of the program ends it.
func NonDumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl PR_SET_DUMPABLE", Err: err}
	}
	return nil
}

// NoNewPrivs sets the no_new_privs bit of the calling thread: execve(2) never grants more than it has (prctl(2)).
func NoNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl PR_SET_NO_NEW_PRIVS", Err: err}
	}
	return nil
}

// ParentDeathSignal asks for a signal when the thread that made this process ends; 0 asks for none. It comes too late when
// the parent has died already, which the caller must rule out by other means: across a pid namespace getppid(2) is always 0.
func ParentDeathSignal(signal unix.Signal) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(signal), 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl PR_SET_PDEATHSIG", Err: err}
	}
	return nil
}
