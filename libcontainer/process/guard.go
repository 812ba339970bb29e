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
