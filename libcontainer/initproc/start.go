package initproc

import (
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/wire"
)

// waitStart reports created, waits until that is on disk, and then for start: at the gate, or from a creator that starts
// the container itself.
func (p *proc) waitStart() error {
	p.closeHandles()
	if err := process.ParentDeathSignal(0); err != nil {
		return err
	}
	if err := p.conn.Send(&wire.Created{}); err != nil {
		unix.Exit(255)
	}
	m, _, err := p.conn.Recv()
	if err != nil {
		unix.Exit(255) // I3: create died before it had written that we exist
	}
	p.released = true
	switch m.(type) {
	case *wire.Start:
		return nil
	case *wire.Release:
		return p.waitAtGate()
	}
	return errOrder
}

var errOrder = fault.Text("the runtime sent a message out of order")

// waitAtGate waits for a start, and for the next one where a start died or gave up. The connection takes the wire's place.
//
// The wait may be long, and process 1 of a pid namespace inherits its orphans meanwhile: those of an exec, and of other
// containers that share the namespace. As zombies they would count against the limits on processes, so the kernel reaps them;
// not later, because a hook is waited for.
func (p *proc) waitAtGate() error {
	if p.gateFd < 0 {
		return errOrder
	}
	if err := sys.ReapChildren(true); err != nil {
		return &fault.Error{Op: "rt_sigaction", Path: "SIGCHLD", Err: err}
	}
	for {
		p.conn.Close()
		fd, _, err := unix.Accept4(p.gateFd, unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			return &fault.Error{Op: "accept", Path: "start gate", Err: err}
		}
		p.conn.Fd = fd
		m, _, err := p.conn.Recv()
		if _, ok := m.(*wire.Start); ok && err == nil {
			unix.Close(p.gateFd)
			return sys.ReapChildren(false)
		}
	}
}

// closeHandles gives up everything that reaches beyond the root before the wait, which may be long.
func (p *proc) closeHandles() {
	if p.proc != nil {
		p.proc.Close()
		p.proc = nil
	}
	if p.root != nil {
		p.root.Close()
		p.root = nil
	}
}

// closeDescriptors closes everything but the standard descriptors, those to be preserved, and the connection to start,
// which execve closes: end of file after Executing says that the program runs (I2).
func (p *proc) closeDescriptors(preserve int) error {
	if err := p.conn.Send(&wire.Executing{}); err != nil {
		p.conn.Close() // start is gone; the program runs all the same
	}
	if p.hookRan { // which has marked them close-on-exec
		for fd := 3; fd < 3+preserve; fd++ {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
				return &fault.Error{Op: "preserve descriptor", Path: strconv.Itoa(fd), Err: err}
			}
		}
	}
	from := uint(3 + preserve)
	if p.conn.Fd >= 0 {
		fd := uint(p.conn.Fd)
		if fd > from {
			if err := unix.CloseRange(from, fd-1, 0); err != nil {
				return err
			}
		}
		from = max(from, fd+1)
	}
	return unix.CloseRange(from, math.MaxUint32, 0)
}
