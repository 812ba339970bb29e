package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/state"
)

// death is how a process ended. Without known it has ended, and who reaped it has taken the status along.
type death struct {
	status unix.WaitStatus
	known  bool
}

// deathOf asks how the process of a pidfd that reports its end has ended. A zombie tells in /proc/PID/stat; once it has
// been reaped the kernel keeps the status for the holders of a pidfd since Linux 6.15.
func deathOf(p state.Process, pidfd int) death {
	stat, err := readStat(p.Pid)
	if err == nil && stat.startTime == p.StartTime && stat.ended() {
		return death{unix.WaitStatus(stat.exitCode), true}
	}
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	if err := unix.IoctlPidfdInfo(pidfd, &info); err == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
		return death{unix.WaitStatus(info.Exit_code), true}
	}
	return death{}
}

// by says whether a signal ended the process.
func (d death) by(signal unix.Signal) bool {
	return d.known && d.status.Signaled() && d.status.Signal() == signal
}
