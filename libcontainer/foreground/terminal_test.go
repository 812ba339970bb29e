package foreground

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPty opens a pair of real terminals.
func openPty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	return os.NewFile(uintptr(fd), "master"), os.NewFile(peer, "slave")
}

// screen is what a user sees: everything the host's terminal got.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func watch(master *os.File) *screen {
	s := &screen{}
	go func() {
		buf := make([]byte, 8192)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) waitFor(t *testing.T, want string) {
	t.Helper()
	for range 500 {
		if strings.Contains(s.String(), want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the screen shows %q, want %q", s.String(), want)
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	termios, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *termios
}

// desk is a user's terminal with a container in the foreground.
type desk struct {
	keys   *os.File // what the user types
	host   *os.File // our stdin and stdout
	screen *screen
	before unix.Termios
	o      Options
}

func newDesk(t *testing.T, script string) *desk {
	t.Helper()
	keys, host := openPty(t)
	t.Cleanup(func() { host.Close(); keys.Close() })
	if err := unix.IoctlSetWinsize(int(keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99}); err != nil {
		t.Fatal(err)
	}
	master, slave := openPty(t)
	defer slave.Close()
	d := &desk{keys: keys, host: host, screen: watch(keys), before: modes(t, host)}
	d.o = start(t, script, slave)
	// Supervise closes it: a descriptor of its own, that no finalizer of ours closes too.
	fd, err := unix.FcntlInt(master.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	d.o.MasterFd, d.o.Stdin, d.o.Stdout, d.o.Signals = fd, host, host, catchSignals(t)
	return d
}

// C13, C14, Q2: keys and output pass, ^C becomes a signal inside, the size follows, and the host's terminal is raw meanwhile
// and as before afterwards.
func TestTerminal(t *testing.T) {
	d := newDesk(t, `trap 'echo interrupted' INT; stty size; while :; do read line || continue; echo "got $line"; [ "$line" = size ] && stty size; [ "$line" = end ] && exit 9; done`)
	result := make(chan int, 1)
	go func() {
		status, err := supervise(t, d.o)
		if err != nil {
			t.Error(err)
		}
		result <- status
	}()
	d.screen.waitFor(t, "33 99\r\n")
	if now := modes(t, d.host); now.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 || now.Oflag&unix.OPOST != 0 {
		t.Errorf("the host's terminal is not raw: %+v", now)
	}
	d.keys.WriteString("hello\r")
	d.screen.waitFor(t, "hello\r\ngot hello\r\n") // one echo: that of the container's terminal
	d.keys.WriteString("\x03")
	d.screen.waitFor(t, "interrupted\r\n")
	if err := unix.IoctlSetWinsize(int(d.keys.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 50}); err != nil {
		t.Error(err)
	}
	unix.Kill(unix.Getpid(), unix.SIGWINCH)
	time.Sleep(50 * time.Millisecond)
	d.keys.WriteString("size\r")
	d.screen.waitFor(t, "got size\r\n20 50\r\n")
	d.keys.WriteString("end\r")
	if status := <-result; status != 9 {
		t.Errorf("status %d, want 9", status)
	}
	if now := modes(t, d.host); now != d.before {
		t.Errorf("modes %+v, before %+v", now, d.before)
	}
}

// C14: all output arrives, also what was written right before the end.
func TestTerminalDrains(t *testing.T) {
	d := newDesk(t, `i=0; while [ $i -lt 4000 ]; do echo "line $i of a text that is longer than the buffers of a terminal"; i=$((i+1)); done; printf last`)
	if _, err := supervise(t, d.o); err != nil {
		t.Fatal(err)
	}
	d.screen.waitFor(t, "last")
	if text := d.screen.String(); strings.Count(text, "\n") != 4000 || !strings.HasSuffix(text, "buffers of a terminal\r\nlast") {
		t.Errorf("%d lines, the end is %q", strings.Count(text, "\n"), text[max(0, len(text)-80):])
	}
}

// A process that keeps the terminal open after the end of init does not keep us, nor does one that never reads its input.
func TestTerminalEnds(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"terminal kept open", `trap "" HUP; sleep 5 & exit 4`},
		{"input not read", `sleep 0.3; exit 4`},
		{"terminal closed and reopened", `exec <&- >&- 2>&-; sleep 0.3; exec >/dev/tty; echo back; exit 4`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t, tc.script)
			begin := time.Now()
			go d.keys.WriteString(strings.Repeat("x", 3000))
			status, err := supervise(t, d.o)
			if err != nil || status != 4 {
				t.Errorf("status %d, %v; want 4", status, err)
			}
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if strings.Contains(tc.script, "back") {
				d.screen.waitFor(t, "back")
			}
		})
	}
}

// Without a terminal of the host: stdin ends, stdout is a pipe whose reader is gone, and neither kills us or the container.
func TestTerminalOnPipes(t *testing.T) {
	d := newDesk(t, `i=0; while [ $i -lt 2000 ]; do echo "enough text to fill the buffer of a terminal that nobody reads"; i=$((i+1)); done; exit 5`)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	d.o.Stdin, d.o.Stdout = null, w
	status, err := supervise(t, d.o)
	if err != nil || status != 5 {
		t.Errorf("status %d, %v; want 5", status, err)
	}
}

// C14: a panic leaves the terminal as it was, whichever goroutine it is in.
func TestRestoreOnPanic(t *testing.T) {
	keys, host := openPty(t)
	defer keys.Close()
	defer host.Close()
	before := modes(t, host)
	h, err := makeRaw(int(host.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if modes(t, host) == before {
		t.Fatal("the terminal did not become raw")
	}
	func() {
		defer func() {
			if r := recover(); r != "oops" {
				t.Errorf("recovered %v", r)
			}
		}()
		defer h.restoreOnPanic()
		panic("oops")
	}()
	if now := modes(t, host); now != before {
		t.Errorf("modes %+v, before %+v", now, before)
	}
}
