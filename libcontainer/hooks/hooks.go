// Package hooks runs one OCI hook: the state on its stdin, its output kept for the error, its time limited.
//
// It may not decide when hooks run or what follows a failure (packages libcontainer and initproc do), nor change the
// namespaces or ids of the hook: it inherits those of the calling thread. Init links it, so it uses neither os/exec nor fmt,
// and starts no goroutine.
package hooks

import (
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Hook is one entry of config.json's hooks.
type Hook struct {
	Kind           string // "createRuntime"; the first word of errors
	Pointer        string // RFC 6901 pointer to the entry, which has its index; may be empty
	Path           string
	Args           []string // argv, with argv[0]; empty means the path alone
	Env            []string // the whole environment: nothing is inherited
	TimeoutSeconds int      // 0: none
}

// Failure is why a hook failed, with the end of what it wrote.
type Failure struct {
	Err    error  // a sentence on its status, or fault.ErrTimeout
	Output string // the end of stdout and stderr together
}

func (f *Failure) Error() string {
	if f.Output == "" {
		return f.Err.Error()
	}
	return f.Err.Error() + ": output " + strconv.Quote(f.Output)
}

// Unwrap returns the reason without the output.
func (f *Failure) Unwrap() error { return f.Err }

// Run runs the hook and waits for it; the status must be 0. The hook gets the descriptors 0 to 2 and no others, provided that
// all of ours are close-on-exec, and is the leader of its own session and process group. After the timeout the whole group
// is killed.
func Run(h *Hook, stateJSON []byte) error {
	p, err := start(h)
	if err != nil {
		return h.fail(err, "")
	}
	defer p.close()
	var deadline time.Time
	if h.TimeoutSeconds > 0 {
		deadline = time.Now().Add(time.Duration(h.TimeoutSeconds) * time.Second)
	}
	if err := p.talk(stateJSON, deadline); err != nil {
		p.kill()
		return h.fail(&Failure{Err: err, Output: p.output.String()}, h.timeoutHint(err))
	}
	p.drain()
	if err := statusError(p.reap()); err != nil {
		return h.fail(&Failure{Err: err, Output: p.output.String()}, "")
	}
	return nil
}

func (h *Hook) fail(err error, hint string) error {
	return &fault.Error{Op: strings.TrimSpace(h.Kind + " hook"), Pointer: h.Pointer, Path: h.Path, Err: err, Hint: hint}
}

func (h *Hook) timeoutHint(err error) string {
	if err != fault.ErrTimeout {
		return ""
	}
	return "its process group was killed after " + strconv.Itoa(h.TimeoutSeconds) + " s"
}

// statusError returns nil for exit status 0.
func statusError(status unix.WaitStatus) error {
	switch {
	case status.Signaled():
		name := unix.SignalName(status.Signal())
		if name == "" {
			name = "signal " + strconv.Itoa(int(status.Signal()))
		}
		return fault.Text("killed by " + name)
	case status.ExitStatus() != 0:
		return fault.Text("exit status " + strconv.Itoa(status.ExitStatus()))
	}
	return nil
}

// start forks the hook.
func start(h *Hook) (*hookProcess, error) {
	p := &hookProcess{pidFd: -1, stdinFd: -1, outputFd: -1}
	stdin, output := [2]int{-1, -1}, [2]int{-1, -1}
	err := unix.Pipe2(stdin[:], unix.O_CLOEXEC)
	if err == nil {
		err = unix.Pipe2(output[:], unix.O_CLOEXEC)
	}
	p.stdinFd, p.outputFd = stdin[1], output[0]
	if err == nil {
		err = p.fork(h, stdin[0], output[1])
	}
	closeFd(stdin[0])
	closeFd(output[1])
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *hookProcess) fork(h *Hook, stdinFd, outputFd int) error {
	// The ends of the hook have file descriptions of their own, so that ours alone are non-blocking.
	for _, fd := range []int{p.stdinFd, p.outputFd} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
	}
	// What our caller had open, or wants preserved for the program, is none of the hook's business.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil { // Linux 5.11
		return err
	}
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	pid, err := syscall.ForkExec(h.Path, args, &syscall.ProcAttr{
		Env:   h.Env,
		Files: []uintptr{uintptr(stdinFd), uintptr(outputFd), uintptr(outputFd)},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &p.pidFd},
	})
	p.pid = pid
	return err
}
