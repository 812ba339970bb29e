package hooks

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// hookProcess is a running hook. Closed descriptors are −1, which poll(2) passes over.
type hookProcess struct {
	pid      int
	pidFd    int
	stdinFd  int
	outputFd int
	output   tail
}

// maxAfterExit bounds what is read once the hook has ended: a process it left behind may write for ever.
const maxAfterExit = 64 << 10

// killWait is how long a killed hook may take to die; one that hangs in the kernel must not hang us.
const killWait = 5 * time.Second

// talk writes the state and reads the output until the hook has ended. A zero deadline is none.
func (p *hookProcess) talk(state []byte, deadline time.Time) error {
	for {
		poll := []unix.PollFd{
			{Fd: int32(p.pidFd), Events: unix.POLLIN},
			{Fd: int32(p.outputFd), Events: unix.POLLIN},
			{Fd: int32(p.stdinFd), Events: unix.POLLOUT},
		}
		_, err := unix.Poll(poll, millisecondsTo(deadline))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		}
		if poll[2].Revents != 0 {
			state = p.writeState(state)
		}
		if poll[1].Revents != 0 {
			p.readOutput()
		}
		switch {
		case poll[0].Revents != 0:
			return nil
		case !deadline.IsZero() && !time.Now().Before(deadline): // also for a hook that never stops writing
			return fault.ErrTimeout
		}
	}
}

// millisecondsTo rounds up, so that a deadline is not asked for again and again in its last millisecond.
func millisecondsTo(deadline time.Time) int {
	if deadline.IsZero() {
		return -1
	}
	const most = time.Hour // poll(2) takes an int
	left := min(max(time.Until(deadline), 0), most)
	return int((left + time.Millisecond - 1) / time.Millisecond)
}

// writeState writes some of the state and returns the rest. A hook that does not read it all is in its right: EPIPE ends
// the writing, not the hook.
func (p *hookProcess) writeState(state []byte) []byte {
	n, err := unix.Write(p.stdinFd, state)
	if err == unix.EAGAIN || err == unix.EINTR {
		return state
	}
	if err != nil || n == len(state) {
		p.stdinFd = closeFd(p.stdinFd)
		return nil
	}
	return state[n:]
}

// readOutput reads once and says how much; 0 means that there is nothing now.
func (p *hookProcess) readOutput() int {
	var buf [4096]byte
	n, err := unix.Read(p.outputFd, buf[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return 0
	case err != nil || n == 0:
		p.outputFd = closeFd(p.outputFd)
		return 0
	}
	p.output.add(buf[:n])
	return n
}

// drain reads what the hook wrote right before its end, without waiting for processes it left behind.
func (p *hookProcess) drain() {
	for total := 0; total < maxAfterExit && p.outputFd >= 0; {
		n := p.readOutput()
		if n == 0 {
			return
		}
		total += n
	}
}

// kill ends the hook and its process group, whose number is the pid: the hook, not reaped yet, holds it.
func (p *hookProcess) kill() {
	unix.Kill(-p.pid, unix.SIGKILL)
	unix.PidfdSendSignal(p.pidFd, unix.SIGKILL, nil, 0) // a hook may have moved itself to another group
	deadline := time.Now().Add(killWait)
	for {
		poll := []unix.PollFd{{Fd: int32(p.pidFd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, millisecondsTo(deadline))
		if err == unix.EINTR {
			continue
		}
		if n == 1 {
			p.drain()
			p.reap()
		}
		return
	}
}

// reap collects the status of a hook that has ended.
func (p *hookProcess) reap() (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(p.pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

func (p *hookProcess) close() {
	closeFd(p.pidFd)
	closeFd(p.stdinFd)
	closeFd(p.outputFd)
}

// closeFd returns the −1 that takes the place of the descriptor.
func closeFd(fd int) int {
	if fd >= 0 {
		unix.Close(fd)
	}
	return -1
}
