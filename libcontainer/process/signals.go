package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
)

// ResetSignals makes every signal unblocked and not ignored, as a program expects them.
//
// execve(2) resets handlers, but keeps the mask and what is ignored. The Go runtime handles most signals, which ends an
// inherited SIG_IGN; it leaves SIGHUP, SIGINT, the stop signals, SIGCONT and 32 to 34 alone, and keeps the mask. Only ignored
// signals are touched, because the runtime needs its handlers up to the last instruction.
func ResetSignals() error {
	for signal := 1; signal <= sys.NumSignals; signal++ {
		if signal == int(unix.SIGKILL) || signal == int(unix.SIGSTOP) {
			continue
		}
		ignored, err := sys.SignalIgnored(signal)
		if err == nil && ignored {
			err = sys.SetSignalDefault(signal)
		}
		if err != nil {
			return &fault.Error{Op: "rt_sigaction " + utoa(uint32(signal)), Err: err}
		}
	}
	var none unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil); err != nil {
		return &fault.Error{Op: "rt_sigprocmask", Err: err}
	}
	return nil
}

// maxCPUs is the largest CONFIG_NR_CPUS that Linux offers on the architectures with the most processors.
const maxCPUs = 8192

// SetAffinity confines the calling thread to these processors.
func SetAffinity(cpus []uint32) error {
	set := unix.NewCPUSet(maxCPUs)
	for _, cpu := range cpus {
		set.Set(int(cpu))
	}
	err := unix.SchedSetaffinityDynamic(0, set)
	if err == unix.EINVAL {
		return &fault.Error{Op: "sched_setaffinity", Err: err, Hint: "none of these CPUs is there and in the cpuset of the container"}
	}
	if err != nil {
		return &fault.Error{Op: "sched_setaffinity", Err: err}
	}
	return nil
}

// ResetAffinity allows the calling thread on every processor, so that the mask of a pinned caller is not inherited; the
// kernel cuts the set down to what the cpuset cgroup grants. Failure deserves a warning at most.
func ResetAffinity() error {
	all := unix.NewCPUSet(maxCPUs)
	all.Fill()
	if err := unix.SchedSetaffinityDynamic(0, all); err != nil {
		return &fault.Error{Op: "sched_setaffinity", Err: err}
	}
	return nil
}
