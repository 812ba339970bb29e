// Package foreground is the runtime while a container runs in the foreground: it waits for the init process, hands signals
// on to it, reaps orphans, and connects the terminal of the host with the container's. It also sends a descriptor to the
// socket of a caller that does these things itself.
//
// It may not create, start or delete containers, or print. It runs on the side of the host only.
package foreground

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Options say what to supervise.
type Options struct {
	Pid   int // init process, a child of this one
	Pidfd int // of the init process; stays the caller's

	// ReapOrphans waits for every child, not for init alone. It must be set after Subreaper, and only in a process that has
	// no other children whose status somebody else wants.
	ReapOrphans bool

	// Signals comes from CatchSignals, called before the container starts, so that none is lost. It stays the caller's.
	Signals int

	Notified Notified // nil for none

	// Start is called once the terminals are connected, and before anything is waited for, so that the program finds its
	// window size, and hooks can wait for their own processes. An error of it ends the supervision. Nil means that the program
	// runs already.
	Start func() error

	MasterFd      int      // master of the container's terminal, which Supervise closes; −1 for none
	Stdin, Stdout *os.File // what the terminal is connected with; only used with MasterFd
}

// Notified is something else that a container may say: Pass reads it when Fd is readable.
type Notified interface {
	Fd() int
	Pass() bool
}

// Subreaper makes this process the parent of orphaned descendants (prctl(2), PR_SET_CHILD_SUBREAPER).
func Subreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl PR_SET_CHILD_SUBREAPER", Err: err}
	}
	return nil
}

// Supervise returns the exit status of the init process, or 128+N where signal N ended it. The terminal of the host is as
// before on every way out, a panic included, and everything that the container wrote to its terminal has been copied.
func Supervise(o Options) (status int, err error) {
	var term *terminal
	if o.MasterFd >= 0 {
		if term, err = connect(&o); err != nil {
			return 0, err
		}
		defer term.close()
	}
	if o.Start != nil {
		if err := o.Start(); err != nil {
			return 0, err
		}
	}
	result, err := attend(&o, term)
	if err != nil {
		return 0, err
	}
	if term != nil {
		term.drain()
	}
	return exitStatus(result), nil
}

// attend hands on signals until init has ended.
func attend(o *Options, term *terminal) (unix.WaitStatus, error) {
	fds := []unix.PollFd{{Fd: int32(o.Pidfd), Events: unix.POLLIN}, {Fd: int32(o.Signals), Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}}
	if o.Notified != nil {
		fds[2].Fd = int32(o.Notified.Fd())
	}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
			return 0, &fault.Error{Op: "poll", Err: err}
		}
		if fds[2].Revents != 0 {
			o.Notified.Pass()
		}
		if fds[0].Revents != 0 {
			return wait(o.Pid)
		}
		var numbers [64]byte
		n, err := unix.Read(o.Signals, numbers[:])
		if err != nil {
			continue // EAGAIN: poll returned for an interruption
		}
		for _, number := range numbers[:n] {
			if s := unix.Signal(number); s != unix.SIGCHLD {
				handle(s, o.Pidfd, term)
			} else if status, ended := reapOrphans(o); ended {
				return status, nil
			}
		}
	}
}

// handle hands one signal on. A change of the window size is for the container's terminal, which signals its own processes.
func handle(s unix.Signal, pidfd int, term *terminal) {
	switch {
	case s == unix.SIGWINCH && term != nil:
		term.resize()
		return
	case s == unix.SIGCONT && term != nil:
		term.resume()
	}
	// The only failure is ESRCH: init has just ended, which the next poll reports.
	unix.PidfdSendSignal(pidfd, s, nil, 0)
}
