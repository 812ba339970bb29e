package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// schedulingPolicies are the policies of sched_setattr(2), by the names of the specification. Linux reserves a number for
// SCHED_ISO and implements nothing: it answers EINVAL.
var schedulingPolicies = [...]string{"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"}

// schedulingFlags are the flags of struct sched_attr, lowest bit first (linux/sched.h).
var schedulingFlags = [...]string{
	"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
}

// ioClasses are the classes of ioprio_set(2); the kernel counts them from 1.
var ioClasses = [...]string{"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"}

// SchedulingPolicy returns the kernel's number of a policy.
func SchedulingPolicy(name string) (policy uint32, ok bool) {
	i, ok := indexOf(schedulingPolicies[:], name)
	return uint32(i), ok
}

// SchedulingFlag returns the bit of a flag.
func SchedulingFlag(name string) (flag uint64, ok bool) {
	i, ok := indexOf(schedulingFlags[:], name)
	return 1 << i, ok
}

// IOClass returns the kernel's number of an I/O scheduling class.
func IOClass(name string) (class int, ok bool) {
	i, ok := indexOf(ioClasses[:], name)
	return i + 1, ok
}

func indexOf(names []string, name string) (int, bool) {
	for i := range names {
		if names[i] == name {
			return i, true
		}
	}
	return 0, false
}

// Schedule sets the scheduling attributes of the calling thread, which becomes the program.
func Schedule(s *step.Scheduler) error {
	attr := &unix.SchedAttr{
		Policy: s.Policy, Flags: s.Flags, Nice: s.Nice, Priority: s.Priority,
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
	err := unix.SchedSetAttr(0, attr, 0)
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: "sched_setattr", Path: schedulingPolicies[s.Policy%uint32(len(schedulingPolicies))], Err: err}
	switch err {
	case unix.EPERM:
		e.Hint = "a higher priority needs CAP_SYS_NICE or RLIMIT_RTPRIO and RLIMIT_NICE; realtime policies also need a realtime budget for the cgroup (sched(7))"
	case unix.EINVAL:
		e.Hint = "this kernel does not know the policy or a flag, or runtime <= deadline <= period does not hold (sched(7))"
	case unix.EBUSY:
		e.Hint = "the processors have no bandwidth left for this runtime and period, or the cpuset keeps the process from some of them"
	case unix.EOPNOTSUPP:
		e.Hint = "utilization clamping needs a kernel with CONFIG_UCLAMP_TASK"
	}
	return e
}

// ioprioWhoPgrp is IOPRIO_WHO_PGRP of ioprio_set(2), which x/sys/unix does not name, like the shift of the class.
const (
	ioprioWhoPgrp    = 2
	ioprioClassShift = 13
)

// IOPriority sets the I/O priority of the process group, which is init alone: it leads a session of its own.
func IOPriority(s *step.IOPriority) error {
	_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoPgrp, 0, uintptr(s.Class<<ioprioClassShift|s.Priority))
	if errno == 0 {
		return nil
	}
	e := &fault.Error{Op: "ioprio_set", Path: ioClasses[(s.Class-1)%len(ioClasses)], Err: errno}
	if errno == unix.EPERM {
		e.Hint = "IOPRIO_CLASS_RT needs CAP_SYS_ADMIN or CAP_SYS_NICE"
	}
	return e
}
