package notify

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fdpass"
)

// Q3: what passes, and what does not.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		text, lines    string
		ready, barrier bool
	}{
		{text: "READY=1", lines: "READY=1", ready: true},
		{text: "STATUS=half way\nREADY=1\n", lines: "STATUS=half way\nREADY=1", ready: true},
		{text: "STOPPING=1\nERRNO=2", lines: "STOPPING=1\nERRNO=2"},
		{text: "RELOADING=1\nMONOTONIC_USEC=12", lines: "RELOADING=1\nMONOTONIC_USEC=12"},
		{text: "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=5000000", lines: "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=5000000"},
		{text: "BARRIER=1", barrier: true},
		{text: "STATUS=", lines: "STATUS="}, // clears it
		{text: "READY=0\nREADY=12\nREADY\nready=1\n READY=1\nXREADY=1"},
		{text: "MAINPID=1\nMAINPIDFDID=3\nFDSTORE=1\nFDNAME=x\nNOTIFYACCESS=all\nEXIT_STATUS=1\nBUSERROR=x\nWATCHDOG=trigger"},
		{text: "ERRNO=-1\nERRNO=\nMONOTONIC_USEC=1x\nEXTEND_TIMEOUT_USEC= 1"},
		{text: "STATUS=\x1b[31mred\nSTATUS=a\rb\nBARRIER=2"},
		{text: "\n\n=\n"},
	} {
		m := parse(test.text)
		if got := strings.Join(m.lines, "\n"); got != test.lines || m.ready != test.ready || m.barrier != test.barrier {
			t.Errorf("%q: %q, ready %v, barrier %v", test.text, got, m.ready, m.barrier)
		}
	}
}

// manager is a service manager.
type manager struct {
	t  *testing.T
	fd int
}

func newManager(t *testing.T, address string) *manager {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: address})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &manager{t, fd}
}

// got reads one message, and lets go of a barrier.
func (m *manager) got() string {
	m.t.Helper()
	var buffer [maxMessage]byte
	n, fds, err := fdpass.Recv(m.fd, buffer[:], 1)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, fd := range fds {
		unix.Close(fd)
	}
	return string(buffer[:n])
}

// relay makes one with this process for init, and a socket that is connected to it.
func relay(t *testing.T, address string) (r *Relay, client int) {
	t.Helper()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for range 2 { // the second takes the place of what the first has left
		if r, err = Listen(int(dir.Fd()), address, os.Getpid()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
	}
	info, err := os.Stat(filepath.Join(dir.Name(), name))
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	client, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = fdpass.Connect(client, filepath.Join(dir.Name(), name))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(client) })
	return r, client
}

func say(t *testing.T, client int, text string, fds ...int) {
	t.Helper()
	if err := fdpass.Send(client, []byte(text), fds...); err != nil {
		t.Fatal(err)
	}
}

// Q3: the way of a message, to a manager in the file system, with a path too long for an address, and to an abstract one.
func TestRelay(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(long) // to bind by a short name
	for address, bound := range map[string]string{
		filepath.Join(long, "socket"):                          "socket",
		"@tare notify " + strconv.Itoa(os.Getpid()) + t.Name(): "@tare notify " + strconv.Itoa(os.Getpid()) + t.Name(),
	} {
		m := newManager(t, bound)
		r, client := relay(t, address)
		say(t, client, "STATUS=1")
		say(t, client, "MAINPID=1")
		if r.Pass() {
			t.Error("ready before it was said")
		}
		say(t, client, "READY=1\nMAINPID=1")
		ended := make(chan error)
		go func() { ended <- r.AwaitReady() }()
		got := []string{m.got(), m.got(), m.got()}
		want := []string{"STATUS=1", "READY=1\nMAINPID=" + strconv.Itoa(os.Getpid()), "BARRIER=1"}
		if err := <-ended; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %q, want %q", err, got, want)
		}
		r.Stays = true
		say(t, client, "READY=1")
		if !r.Pass() || m.got() != "READY=1" {
			t.Error("a runtime that stays remains the main process")
		}
	}
}

// Q3: who waits at a barrier is let go, once the manager has been asked; what is no message is dropped, its descriptors closed.
func TestRelayBarrier(t *testing.T) {
	address := "@tare notify " + strconv.Itoa(os.Getpid()) + t.Name()
	m := newManager(t, address)
	r, client := relay(t, address)
	for _, text := range []string{"BARRIER=1", "FDSTORE=1", "READY=1\n" + strings.Repeat("x", maxMessage)} {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		say(t, client, text, ends[1])
		unix.Close(ends[1])
		asked := make(chan string, 1)
		if text == "BARRIER=1" {
			go func() { asked <- m.got() }()
		}
		if r.Pass() {
			t.Errorf("%.20q: ready", text)
		}
		if text == "BARRIER=1" && <-asked != "BARRIER=1" {
			t.Error("the manager was not asked")
		}
		if n, err := unix.Read(ends[0], make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("%.20q: its pipe: %d, %v", text, n, err)
		}
		unix.Close(ends[0])
	}
	say(t, client, "READY=1", 0, 1, 2)
	if r.Pass() {
		t.Error("a message with three descriptors passed")
	}
}

// Q3: a manager that is not there is an error that names the variable, and nothing is left open.
func TestListenErrors(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, address := range []string{"/nowhere/socket", "relative", "@", "vsock:2:1", dir.Name(), "@tare nobody"} {
		r, err := Listen(int(dir.Fd()), address, os.Getpid())
		if err == nil || !strings.Contains(err.Error(), "NOTIFY_SOCKET") || !strings.Contains(err.Error(), "unset it") {
			t.Errorf("%q: %v", address, err)
		}
		r.Close()
	}
}

// Whatever a container says, only whole assignments of the list pass.
func FuzzParse(f *testing.F) {
	f.Add("READY=1\nSTATUS=x\nMAINPID=2")
	f.Add("BARRIER=1")
	f.Fuzz(func(t *testing.T, text string) {
		m := parse(text)
		for _, line := range m.lines {
			name, value, _ := strings.Cut(line, "=")
			if strings.Contains(line, "\n") || strings.HasPrefix(name, "MAINPID") || !strings.Contains(text, line) {
				t.Errorf("%q passed as %q", text, line)
			}
			if name != "STATUS" && strings.Trim(value, "0123456789") != "" {
				t.Errorf("%q: value of %q", text, line)
			}
		}
	})
}
