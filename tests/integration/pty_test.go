package integration

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pty is a pseudo-terminal of the host: what a user sits at.
type pty struct {
	t      *testing.T
	master *screen
	slave  *os.File
}

func newPty(t *testing.T) *pty {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(t, err)
	slave, err := os.OpenFile("/dev/pts/"+itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { slave.Close() })
	return &pty{t, newScreen(t, fd), slave}
}

// settings are the terminal attributes (termios(3)).
func (p *pty) settings() unix.Termios {
	p.t.Helper()
	termios, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	must(p.t, err)
	return *termios
}

// screen is the master of a terminal, with all that has been printed there.
type screen struct {
	t    *testing.T
	fd   int
	text []byte
}

// newScreen owns the descriptor.
func newScreen(t *testing.T, masterFd int) *screen {
	t.Helper()
	must(t, unix.SetNonblock(masterFd, true))
	t.Cleanup(func() { unix.Close(masterFd) })
	return &screen{t: t, fd: masterFd}
}

// shows waits until something has been printed.
func (s *screen) shows(what string) {
	s.t.Helper()
	eventually(s.t, "the terminal shows "+what, func() bool { return s.has(what) })
}

// has reads what there is, and looks for something in all that has been read.
func (s *screen) has(what string) bool {
	var buf [4096]byte
	if n, err := unix.Read(s.fd, buf[:]); err == nil {
		s.text = append(s.text, buf[:n]...)
	}
	return strings.Contains(string(s.text), what)
}

// input is what the user types.
func (s *screen) input(text string) {
	s.t.Helper()
	_, err := unix.Write(s.fd, []byte(text))
	must(s.t, err)
}

// resizesUntil changes the size, again and again, until something has been printed: a shell that gets its signal right before it
// begins to read a line runs its trap only after that line.
func (s *screen) resizesUntil(rows, columns uint16, what string) {
	s.t.Helper()
	tries := 0
	eventually(s.t, "the terminal shows "+what, func() bool {
		if tries%100 == 0 {
			s.resize(rows, columns-1)
			s.resize(rows, columns)
		}
		tries++
		return s.has(what)
	})
}

func (s *screen) resize(rows, columns uint16) {
	s.t.Helper()
	must(s.t, unix.IoctlSetWinsize(s.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}))
}
