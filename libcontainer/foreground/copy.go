package foreground

import "golang.org/x/sys/unix"

const (
	// drainIdle is how long the output must be silent after the end of init before it counts as complete. Normally the
	// kernel hangs the terminal up with the session leader; this is for processes that have kept it open.
	drainIdle = 100 // milliseconds
	// maxDrain bounds what those can still write.
	maxDrain = 1 << 20
	// reopenWait is how often a terminal that nobody has open is looked at again: a getty closes it and opens it anew.
	reopenWait = 50 // milliseconds
)

// copyInput copies our stdin to the container's terminal until stdin or init ends.
func (t *terminal) copyInput() {
	defer close(t.inputDone)
	defer t.host.restoreOnPanic()
	buf := make([]byte, 4096)
	for {
		if t.waitOrEnd(t.stdinFd, unix.POLLIN, -1) {
			return
		}
		n, err := unix.Read(t.stdinFd, buf)
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 || !t.writeMaster(buf[:n]) {
			return
		}
	}
}

// writeMaster says false when init has ended or the terminal is gone. A program that does not read fills the terminal's
// buffer, hence the wait.
func (t *terminal) writeMaster(b []byte) bool {
	for len(b) > 0 {
		n, err := unix.Write(t.masterFd, b)
		switch {
		case err == nil:
			b = b[n:]
		case err == unix.EAGAIN:
			if t.waitOrEnd(t.masterFd, unix.POLLOUT, -1) {
				return false
			}
		case err != unix.EINTR:
			return false
		}
	}
	return true
}

// copyOutput copies the container's terminal to our stdout, until init has ended and the terminal has nothing more.
func (t *terminal) copyOutput() {
	defer close(t.outputDone)
	defer t.host.restoreOnPanic()
	buf := make([]byte, 32<<10)
	initEnded, broken, drained := false, false, 0
	for drained < maxDrain {
		n, err := unix.Read(t.masterFd, buf)
		switch {
		case n > 0:
			// A stdout that is closed must not stop the container: its terminal would fill up and block it.
			broken = broken || !writeAll(t.stdoutFd, buf[:n])
			if initEnded {
				drained += n
			}
		case err == unix.EINTR:
		case err == unix.EAGAIN && initEnded:
			if pollOne(t.masterFd, unix.POLLIN, drainIdle) == 0 {
				return
			}
		case err == unix.EAGAIN:
			initEnded = t.waitOrEnd(t.masterFd, unix.POLLIN, -1)
		case initEnded:
			return
		default: // EIO: no process has the terminal open
			initEnded = t.waitOrEnd(-1, 0, reopenWait)
		}
	}
}

// writeAll writes to a descriptor that may be non-blocking, because it is shared with who knows whom. It uses write(2), not
// os.File, which answers EPIPE on stdout by killing the process with SIGPIPE, and the terminal would stay raw.
func writeAll(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch {
		case err == nil:
			b = b[n:]
		case err == unix.EAGAIN:
			pollOne(fd, unix.POLLOUT, -1)
		case err != unix.EINTR:
			return false
		}
	}
	return true
}

// waitOrEnd waits for events on fd, −1 for none, and says whether init has ended.
func (t *terminal) waitOrEnd(fd int, events int16, milliseconds int) (ended bool) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(t.endFd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(poll, milliseconds)
		if err != unix.EINTR {
			return err != nil || poll[1].Revents != 0
		}
	}
}

func pollOne(fd int, events int16, milliseconds int) int {
	poll := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		n, err := unix.Poll(poll, milliseconds)
		if err != unix.EINTR {
			return n
		}
	}
}
