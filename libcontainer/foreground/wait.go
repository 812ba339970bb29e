package foreground

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// exitStatus is what a shell would show.
func exitStatus(status unix.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// wait reaps the init process, which has ended or is about to.
func wait(pid int) (status unix.WaitStatus, err error) {
	for {
		if _, err = unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, &fault.Error{Op: "wait for init", Err: err}
	}
	return status, nil
}

// reapOrphans reaps every child that has ended, where it may. Init may be among them: then its status is returned.
func reapOrphans(o *Options) (status unix.WaitStatus, initEnded bool) {
	for o.ReapOrphans {
		var s unix.WaitStatus
		pid, err := unix.Wait4(-1, &s, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil || pid <= 0:
			return status, initEnded
		case pid == o.Pid:
			status, initEnded = s, true
		}
	}
	return 0, false
}
