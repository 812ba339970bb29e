package foreground

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// hostTerminal is the terminal on our stdin, while it is in raw mode. A nil one is fine: stdin is no terminal.
type hostTerminal struct {
	fd    int
	saved unix.Termios
	once  sync.Once // restore
}

// makeRaw hands every key to the container's terminal, whose own line discipline interprets it (termios(3), "Raw mode").
func makeRaw(fd int) (*hostTerminal, error) {
	saved, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil { // this is how isatty(3) asks
		return nil, nil
	}
	h := &hostTerminal{fd: fd, saved: *saved}
	return h, h.setRaw()
}

func (h *hostTerminal) setRaw() error {
	if h == nil {
		return nil
	}
	raw := h.saved
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(h.fd, unix.TCSETS, &raw); err != nil {
		return &fault.Error{Op: "ioctl TCSETS", Err: err}
	}
	return nil
}

// restore may be called from any goroutine, and more than once. There is nothing to do about a failure: the terminal is gone.
func (h *hostTerminal) restore() {
	if h == nil {
		return
	}
	h.once.Do(func() { unix.IoctlSetTermios(h.fd, unix.TCSETSW, &h.saved) })
}

// restoreOnPanic is deferred by goroutines: a panic there ends the process without running the functions that others deferred.
func (h *hostTerminal) restoreOnPanic() {
	if r := recover(); r != nil {
		h.restore()
		panic(r)
	}
}
