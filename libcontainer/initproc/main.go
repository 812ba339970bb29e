package initproc

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/console"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/rootfs"
	"github.com/tare-run/tare/libcontainer/step"
	"github.com/tare-run/tare/libcontainer/wire"
)

// proc is init: what the steps share.
type proc struct {
	conn   wire.Conn // to create; after the start gate has opened, to start
	gateFd int       // listening; −1 without a gate
	fds    []int     // that came with the plan; −1 for one that a step has taken

	root     *rootfs.Root
	proc     *safepath.Proc // private procfs, opened by the first step that needs it
	exec     *step.Exec     // the last step of a plan with a program
	program  string         // what LookPath found
	released bool
	hookRan  bool
}

// Main runs init and does not return. The calling goroutine is the main one, locked to the main thread since package
// initialisation (I5).
func Main() {
	fd, err := strconv.Atoi(first(syscall.Getenv(wire.Variable)))
	if err != nil {
		unix.Exit(255) // started by hand
	}
	unix.CloseOnExec(fd)
	p := &proc{conn: wire.Conn{Fd: fd}, gateFd: -1}
	if err := p.run(); err != nil {
		p.conn.Send(wire.NewFailed(err))
		unix.Exit(255)
	}
	unix.Exit(0)
}

func first(value string, _ bool) string { return value }

func (p *proc) run() error {
	if err := p.begin(); err != nil {
		return err
	}
	encoded, fds, gateFd, err := p.conn.RecvPlan()
	if err == wire.ErrClosed {
		unix.Exit(255) // I3: nobody left to tell
	}
	if err != nil {
		return &fault.Error{Op: "receive plan", Err: err}
	}
	p.fds, p.gateFd = fds, gateFd
	entries, err := wire.DecodePlan(encoded)
	if err != nil {
		return &fault.Error{Op: "decode plan", Err: err}
	}
	if len(entries) > 0 {
		p.exec, _ = entries[len(entries)-1].Step.(*step.Exec)
	}
	for i := range entries {
		if err := p.take(entries[i].Step); err != nil {
			p.takeBack()
			return named(&entries[i], err)
		}
	}
	return nil
}

// begin makes init safe to be looked at.
func (p *proc) begin() error {
	if err := process.NonDumpable(); err != nil { // I1
		return err
	}
	if err := callerNofile(); err != nil {
		return err
	}
	// The timer slack that the raw child set for the threads of the Go runtime; 0 is what the caller had (prctl(2)).
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl", Path: "PR_SET_TIMERSLACK", Err: err}
	}
	if err := console.NewSession(); err != nil {
		return err
	}
	if err := process.ResetSignals(); err != nil {
		return err
	}
	if _, keep := syscall.Getenv(wire.AffinityVariable); keep {
		return nil
	}
	if err := process.ResetAffinity(); err != nil {
		p.warn(err.Error()) // a pinned daemon's CPUs are a nuisance for the container, no more
	}
	return nil
}

// callerNofile sets the limit on open files that the caller of create had. Package syscall has raised it, and would set the
// limit that init was started with again at execve; setting it once ends that.
func callerNofile() error {
	text, found := syscall.Getenv(wire.NofileVariable)
	if !found {
		return nil
	}
	soft, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return &fault.Error{Op: "parse " + wire.NofileVariable, Path: text, Err: unix.EINVAL}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return &fault.Error{Op: "getrlimit", Err: err}
	}
	limit.Cur = soft
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return &fault.Error{Op: "setrlimit", Err: err}
	}
	return nil
}

// named completes an error with the step it happened in and where that came from.
func named(e *step.Entry, err error) error {
	f, ok := fault.At(e.Pointer, err).(*fault.Error)
	if !ok {
		return &fault.Error{Op: e.Step.StepName(), Err: err}
	}
	if f.Op == "" {
		c := *f
		c.Op = e.Step.StepName()
		return &c
	}
	return f
}

// warn sends a line for the log. A runtime that is gone is found out by the next wait.
func (p *proc) warn(text string) {
	if !p.released {
		p.conn.Send(&wire.Warning{Text: text})
	}
}

// privateProc opens the private procfs once.
func (p *proc) privateProc() (*safepath.Proc, error) {
	if p.proc == nil {
		handle, err := safepath.OpenProc()
		if err != nil {
			return nil, err
		}
		p.proc = handle
	}
	return p.proc, nil
}

// withProc does something with the private procfs.
func (p *proc) withProc(do func(*safepath.Proc) error) error {
	handle, err := p.privateProc()
	if err != nil {
		return err
	}
	return do(handle)
}

// stayBound ties init to its creator again: a change of credentials clears the parent-death signal (prctl(2)). A creator
// that died in between has closed its end of the wire.
func (p *proc) stayBound() error {
	if p.released {
		return nil
	}
	if err := process.ParentDeathSignal(unix.SIGKILL); err != nil {
		return err
	}
	hangup := []unix.PollFd{{Fd: int32(p.conn.Fd)}}
	if n, err := unix.Poll(hangup, 0); err == nil && n == 1 && hangup[0].Revents&unix.POLLHUP != 0 {
		unix.Exit(255)
	}
	return nil
}
