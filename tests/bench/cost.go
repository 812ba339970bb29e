package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// cost is what an operation took. CPU is that of all its processes together: the runtime, what it forked, the container's
// init, the program.
type cost struct {
	cpu, wall time.Duration
}

// meter measures one operation. The benchmark is the reaper of orphans (PR_SET_CHILD_SUBREAPER), so the usage of a process
// whose parent has gone still arrives here, when it is waited for.
type meter struct {
	cpu     time.Duration
	started time.Time
}

func becomeSubreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

func startMeter() meter {
	return meter{childrenCPU(), time.Now()}
}

// stop collects the children that have exited; a container that is still meant to run is no part of the cost.
func (m meter) stop() cost {
	wall := time.Since(m.started)
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if pid <= 0 && err != unix.EINTR {
			break
		}
	}
	return cost{cpu: childrenCPU() - m.cpu, wall: wall}
}

// childrenCPU is the CPU time of all children that have been waited for, and of theirs.
func childrenCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &usage); err != nil {
		panic(err) // with these arguments the kernel has no reason to refuse
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reap waits for one child, be it adopted.
func reap(pid int) error {
	for {
		_, err := unix.Wait4(pid, nil, 0, nil)
		if err != unix.EINTR {
			return err
		}
	}
}

// commands runs programs with a log file for their output. It is a file and no pipe, because a created container keeps it
// open: waiting for the end of a pipe would mean waiting for the container.
type commands struct{ log *os.File }

func (c commands) run(argv ...string) error {
	if err := c.log.Truncate(0); err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = c.log // opened for appending
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(c.log.Name())
		text = bytes.TrimSpace(text)
		return fmt.Errorf("%w: %s", err, text[bytes.LastIndexByte(text, '\n')+1:])
	}
	return nil
}

// median of a list that is not empty.
func median[T int | time.Duration](values []T) T {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}
