package initproc

import (
	"math"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/wire"
)

// waitStart reports created, waits until that is on disk, and then for start.
func (p *proc) waitStart() error {
	p.closeHandles()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl", Path: "PR_SET_PDEATHSIG", Err: err}
	}
	if err := p.conn.Send(&wire.Created{}); err != nil {
		unix.Exit(255)
	}
	if m, _, err := p.conn.Recv(); err != nil || !isRelease(m) {
		unix.Exit(255) // I3: create died before it had written that we exist
	}
	p.released = true
	p.conn.Close()
	for {
		fd, _, err := unix.Accept4(p.gateFd, unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			return &fault.Error{Op: "accept", Path: "start gate", Err: err}
		}
		p.conn.Fd = fd
		if m, _, err := p.conn.Recv(); err == nil && isStart(m) {
			break
		}
		p.conn.Close() // a start that died, or gave up; the next one may come
	}
	unix.Close(p.gateFd)
	p.gateFd = -1
	return nil
}

func isRelease(m wire.Message) bool { _, ok := m.(*wire.Release); return ok }
func isStart(m wire.Message) bool   { _, ok := m.(*wire.Start); return ok }

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
	if p.conn.Fd >= 0 {
		if err := p.conn.Send(&wire.Executing{}); err != nil {
			p.conn.Close() // start is gone; the program runs all the same
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
