package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// withTerminal gives the container a terminal.
func withTerminal(p *specs.Process) { p.Terminal = true }

// C4 E5 H7 Q1: the console socket receives the master of a terminal from the container's devpts, which is the streams and
// the controlling terminal of the program, and /dev/console.
func TestConsoleSocket(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal), withShell(`
		tty; stty size; for fd in 0 1 2; do [ -t $fd ] && echo $fd; done
		(: </dev/tty) && echo controlling
		stat -c '%t:%T' /dev/console $(tty) | uniq | wc -l
		read line; echo "got $line"
	`))
	b.spec.Process.ConsoleSize = &specs.Box{Height: 33, Width: 77}
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.create("--console-socket", socket.path)
	masterFd, name := socket.receive()
	screen := newScreen(t, masterFd)
	wants(t, "name of the terminal", name, "/dev/pts/0")
	b.start()
	screen.shows("/dev/pts/0\r\n33 77\r\n0\r\n1\r\n2\r\ncontrolling\r\n1\r\n")
	screen.input("hello\n")
	screen.shows("got hello\r\n")
	if status := b.wait(); status != 0 {
		t.Errorf("the program ended with %v", status)
	}
}

// Q5: the path of the console socket may be longer than a socket address.
func TestLongConsoleSocket(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal))
	short := listen(t, filepath.Join(b.dir, "s"))
	long := filepath.Join(b.directory(strings.Repeat("x", 120)), "socket")
	must(t, os.Rename(short.path, long))
	b.create("--console-socket", long)
	fd, _ := short.receive()
	unix.Close(fd)
}

// C4: a terminal needs somebody who takes it, and the other way round. Nobody listening is an error too.
func TestConsoleRefused(t *testing.T) {
	t.Run("terminal without socket", func(t *testing.T) {
		b := newBundle(t, withProcess(withTerminal))
		b.try("create").fails("/process/terminal", "cannot allocate tty if", "will detach without setting console socket")
		b.try("run", "--detach").fails("cannot allocate tty if")
		b.nothingLeft()
	})
	t.Run("socket without terminal", func(t *testing.T) {
		b := newBundle(t)
		socket := listen(t, filepath.Join(b.dir, "s"))
		b.try("create", "--console-socket", socket.path).fails("/process/terminal", "cannot use console socket")
		b.nothingLeft()
	})
	t.Run("missing socket", func(t *testing.T) {
		b := newBundle(t, withProcess(withTerminal))
		b.try("create", "--console-socket", filepath.Join(b.dir, "none")).fails("console socket", "no such file or directory")
		b.nothingLeft()
	})
	t.Run("no socket at all", func(t *testing.T) {
		b := newBundle(t, withProcess(withTerminal))
		b.try("create", "--console-socket", filepath.Join(b.dir, "config.json")).fails("console socket")
		b.nothingLeft()
	})
	t.Run("nobody listens", func(t *testing.T) {
		b := newBundle(t, withProcess(withTerminal))
		path := filepath.Join(b.dir, "s")
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
		must(t, unix.Close(fd))
		b.try("create", "--console-socket", path).fails("console socket", "connection refused")
		b.nothingLeft()
	})
}

// D21: the terminal belongs to the container's user.
func TestTerminalOfUser(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal), withUser(1000, 1000), withShell("stat -c %u:%g $(tty); echo again >/dev/stderr; echo tty >/dev/tty; echo end"))
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.create("--console-socket", socket.path)
	masterFd, _ := socket.receive()
	screen := newScreen(t, masterFd)
	b.start()
	screen.shows("1000:5\r\nagain\r\ntty\r\nend\r\n")
	b.wait()
}

// C14 C13 Q2: run in a terminal: raw mode while it runs, keys and size passed on, everything as before at the end.
func TestForegroundTerminal(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal), withArgs("sh", "-c", `
		trap 'echo size $(stty size)' WINCH
		echo size $(stty size); read line; echo "got $line"; until read line; do :; done; exit 6
	`))
	user := newPty(t)
	user.master.resize(11, 22)
	before := user.settings()
	r := b.tryWith(invocation{terminal: user.slave, whileItRuns: func(*os.Process) {
		user.master.shows("size 11 22\r\n")
		if user.settings().Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
			t.Error("the terminal of the user is not in raw mode")
		}
		user.master.input("hello\r") // a raw terminal passes on what the key sends
		user.master.shows("got hello\r\n")
		user.master.resizesUntil(44, 55, "size 44 55\r\n")
		user.master.input("\r")
	}}, "run")
	if r.status != 6 {
		t.Errorf("%v, want status 6; screen %q", r, user.master.text)
	}
	if after := user.settings(); after != before {
		t.Errorf("settings of the terminal: before %+v, after %+v", before, after)
	}
}

// C14: an interrupt key is the container's, and a run that is terminated restores the terminal as well.
func TestForegroundTerminalSignals(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal), withArgs("sh", "-c", "trap 'echo interrupted' INT; trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"))
	user := newPty(t)
	before := user.settings()
	r := b.tryWith(invocation{terminal: user.slave, whileItRuns: func(p *os.Process) {
		user.master.shows("ready\r\n")
		user.master.input("\x03")
		user.master.shows("interrupted\r\n")
		must(t, p.Signal(unix.SIGTERM))
	}}, "run")
	if r.status != 9 {
		t.Errorf("%v, want status 9; screen %q", r, user.master.text)
	}
	if after := user.settings(); after != before {
		t.Errorf("settings of the terminal: before %+v, after %+v", before, after)
	}
}

// C14: a run that fails leaves the terminal as it was.
func TestForegroundTerminalFailure(t *testing.T) {
	b := newBundle(t, withProcess(withTerminal), withArgs("nosuch"))
	user := newPty(t)
	before := user.settings()
	r := b.tryWith(invocation{terminal: user.slave}, "run")
	user.master.shows("executable file not found in $PATH")
	if r.status != 1 || user.settings() != before {
		t.Errorf("%v; settings %+v", r, user.settings())
	}
	b.nothingLeft()
}
