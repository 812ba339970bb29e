package foreground

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

type waitResult struct {
	status unix.WaitStatus
	err    error
}

// exitStatus is what a shell would show.
func (r waitResult) exitStatus() int {
	switch {
	case r.err != nil:
		return 0
	case r.status.Signaled():
		return 128 + int(r.status.Signal())
	}
	return r.status.ExitStatus()
}

// wait blocks until the process ends. With orphans it reaps whoever ends before it, and who has ended by then.
func wait(pid int, orphans bool) waitResult {
	whom := pid
	if orphans {
		whom = -1
	}
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(whom, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return waitResult{err: &fault.Error{Op: "wait for init", Err: err}}
		case ended == pid:
			for orphans && reapOne() {
			}
			return waitResult{status: status}
		}
	}
}

// reapOne reaps a child that has ended, if there is one.
func reapOne() bool {
	ended, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
	return err == unix.EINTR || err == nil && ended > 0
}
