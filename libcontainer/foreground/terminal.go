package foreground

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// terminal connects the container's terminal with our stdin and stdout.
type terminal struct {
	masterFd   int
	stdinFd    int
	stdoutFd   int
	endFd      int // eventfd, readable once init has ended
	host       *hostTerminal
	inputDone  chan struct{}
	outputDone chan struct{}
}

// connect puts the host's terminal into raw mode and starts copying. It owns o.MasterFd, also when it fails.
func connect(o *Options) (*terminal, error) {
	t := &terminal{
		masterFd:   o.MasterFd,
		stdinFd:    int(o.Stdin.Fd()),
		stdoutFd:   int(o.Stdout.Fd()),
		inputDone:  make(chan struct{}),
		outputDone: make(chan struct{}),
	}
	if err := t.prepare(); err != nil {
		t.host.restore()
		unix.Close(t.masterFd)
		return nil, err
	}
	t.resize()
	go t.copyInput()
	go t.copyOutput()
	return t, nil
}

func (t *terminal) prepare() (err error) {
	// Both directions share the file description of the master, and each must notice the end while the other one waits.
	if err := unix.SetNonblock(t.masterFd, true); err != nil {
		return &fault.Error{Op: "fcntl", Err: err}
	}
	if t.host, err = makeRaw(t.stdinFd); err != nil {
		return err
	}
	if t.endFd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return &fault.Error{Op: "eventfd", Err: err}
	}
	return nil
}

// resize gives the container's terminal the size of the host's, where there is one. The kernel sends SIGWINCH to its
// foreground process group.
func (t *terminal) resize() {
	for _, fd := range []int{t.stdinFd, t.stdoutFd} {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
			unix.IoctlSetWinsize(t.masterFd, unix.TIOCSWINSZ, size)
			return
		}
	}
}

// resume is for the return from a stop: the shell has used the terminal in its own mode meanwhile.
func (t *terminal) resume() {
	t.host.setRaw()
	t.resize()
}

// drain ends the input and waits until the output is copied. A reader of our stdout that does not read can hold it up, as
// it can hold up any program in a pipeline.
func (t *terminal) drain() {
	t.end()
	<-t.outputDone
	<-t.inputDone
}

// end wakes both goroutines, for good: nobody reads the eventfd.
func (t *terminal) end() { unix.Write(t.endFd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// close restores the host's terminal first; the rest is of no interest to a user who sees a panic.
func (t *terminal) close() {
	t.host.restore()
	t.drain()
	unix.Close(t.masterFd)
	unix.Close(t.endFd)
}
