package launch

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/wire"
)

// Handlers are what the runtime does when init asks.
type Handlers struct {
	RuntimeHooks func() error                          // prestart and createRuntime
	Console      func(masterFd int, name string) error // owns masterFd
	Listener     func(listenerFd int) error            // of a seccomp filter; borrows the descriptor; nil where there is none
	Warn         func(text string)
}

var errUnexpected = fault.Text("init sent a message out of order")

// Await answers init's messages until it reports created. timeoutMilliseconds bounds the silence between two messages; 0
// means without bound, which only a hook without a time-out asks for.
func (p *Process) Await(h *Handlers, timeoutMilliseconds int64) error {
	if err := p.conn.SetDeadline(timeoutMilliseconds); err != nil {
		return &fault.Error{Op: "setsockopt", Err: err}
	}
	for {
		m, fd, err := p.conn.Recv()
		if err != nil {
			return p.explain(err)
		}
		if c, ok := m.(*wire.Console); ok && fd >= 0 && h.Console != nil {
			if err := h.Console(fd, c.Name); err != nil {
				return err
			}
			continue
		}
		if fd >= 0 {
			unix.Close(fd)
			return errUnexpected
		}
		switch m := m.(type) {
		case *wire.Warning:
			h.Warn(m.Text)
		case *wire.Ready:
			if err := h.RuntimeHooks(); err != nil {
				return err
			}
			if err := p.conn.Send(&wire.Run{}); err != nil {
				return p.explain(err)
			}
		case *wire.Listener:
			l := Listening{Pid: p.Pid, Pidfd: p.Pidfd, Send: h.Listener}
			if err := l.pass(&p.conn, m); err != nil {
				return err
			}
		case *wire.Created:
			return nil
		case *wire.Failed:
			return m.Fault()
		default:
			return errUnexpected
		}
	}
}

// Release tells init that the state on disk says created; from here on it lives without us.
func (p *Process) Release() error {
	if err := p.conn.Send(&wire.Release{}); err != nil {
		return p.explain(err)
	}
	return nil
}

// Begin is Release and start in one, for the creator that starts the container itself. Listener is that of Handlers.
func (p *Process) Begin(timeoutMilliseconds int64, listener func(listenerFd int) error) error {
	return begin(&p.conn, timeoutMilliseconds, &Listening{Pid: p.Pid, Pidfd: p.Pidfd, Send: listener})
}

// BeginAtGate starts the container that waits behind a connection to its start gate. It owns fd.
func BeginAtGate(fd int, timeoutMilliseconds int64, l *Listening) error {
	conn := wire.Conn{Fd: fd}
	defer conn.Close()
	return begin(&conn, timeoutMilliseconds, l)
}

// begin tells init to go on and waits until the program has taken its place.
func begin(conn *wire.Conn, timeoutMilliseconds int64, l *Listening) error {
	if err := conn.SetDeadline(timeoutMilliseconds); err != nil {
		return &fault.Error{Op: "setsockopt", Err: err}
	}
	if err := conn.Send(&wire.Start{}); err != nil {
		return gone(err)
	}
	executing := false
	for {
		m, extra, err := conn.Recv()
		if extra >= 0 {
			unix.Close(extra)
		}
		if err == wire.ErrClosed && executing {
			return nil // execve closed it
		}
		if err == fault.ErrTimeout && executing {
			return &fault.Error{Op: "wait for the program to be executed", Err: err, Hint: "a seccomp filter ends the thread at execve, its agent does not answer, or a file system hangs"}
		}
		if err != nil {
			return gone(err)
		}
		switch m := m.(type) {
		case *wire.Executing:
			executing = true
		case *wire.Listener:
			if err := l.pass(conn, m); err != nil {
				return err
			}
		case *wire.Failed:
			return m.Fault()
		default:
			return errUnexpected
		}
	}
}

func gone(err error) error {
	if err == wire.ErrClosed {
		return &fault.Error{Op: "wait for init", Err: fault.Text("it died before it could execute the program"), Hint: "a memory limit that is too low does this"}
	}
	return &fault.Error{Op: "wait for init", Err: err}
}

// explain turns the silence or the death of init into a sentence. It reaps a dead init.
func (p *Process) explain(err error) error {
	if err != wire.ErrClosed {
		return &fault.Error{Op: "wait for init", Err: err}
	}
	status, ok := p.exited()
	switch {
	case !ok:
		return &fault.Error{Op: "wait for init", Err: err}
	case status.Signaled() && status.Signal() == unix.SIGKILL:
		return &fault.Error{Op: "wait for init", Err: fault.Text("the init process was killed (signal 9)"), Hint: "a memory limit that is too low does this"}
	case status.Signaled():
		return &fault.Error{Op: "wait for init", Err: fault.Text("the init process was killed by signal " + strconv.Itoa(int(status.Signal())))}
	}
	e := &fault.Error{Op: "wait for init", Err: fault.Text("the init process exited with status " + strconv.Itoa(status.ExitStatus()))}
	if status.ExitStatus() == goFatal {
		e.Hint = "it needs a few threads, which a limit on processes, of the user or of a cgroup, may have refused"
	}
	return e
}

// goFatal is the status with which the Go runtime ends a program that it cannot run.
const goFatal = 2

// exited waits a second for init, which has closed its end of the wire and so is about to be gone.
func (p *Process) exited() (unix.WaitStatus, bool) {
	poll := []unix.PollFd{{Fd: int32(p.Pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 1000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			return 0, false
		}
		return reap(p.Pid), true
	}
}
