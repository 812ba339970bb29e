package foreground

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fdpass"
)

// listen makes a socket at a path of any length, as a caller does it: from within its directory.
func listen(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/" + filepath.Base(path), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	t.Cleanup(func() { l.Close() })
	return l
}

// C4, Q1, Q5: one message with the descriptor and the name, whatever the length of the socket's path.
func TestSendMaster(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("directory-with-a-long-name/", 8))
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, path string }{
		{"short path", filepath.Join(t.TempDir(), "s")},
		{"path longer than an address", filepath.Join(long, "console.sock")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := listen(t, tc.path)
			master, slave := openPty(t)
			defer master.Close()
			defer slave.Close()
			if err := SendMaster(tc.path, int(master.Fd()), "/dev/pts/7"); err != nil {
				t.Fatal(err)
			}
			c, err := l.AcceptUnix()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			f, err := c.File()
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var buf [64]byte
			n, fds, err := fdpass.Recv(int(f.Fd()), buf[:], 1)
			if err != nil || string(buf[:n]) != "/dev/pts/7" || len(fds) != 1 {
				t.Fatalf("received %q, %v, %v", buf[:n], fds, err)
			}
			defer unix.Close(fds[0])
			if _, err := unix.IoctlGetUint32(fds[0], unix.TIOCGPTN); err != nil {
				t.Errorf("the descriptor is no master of a terminal: %v", err)
			}
		})
	}
}

func TestSendErrors(t *testing.T) {
	dir := t.TempDir()
	deaf := listen(t, dir+"/deaf")
	deaf.Close()
	if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("unixgram", dir+"/packets")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	for _, tc := range []struct{ name, path, want string }{
		{"missing", dir + "/none", "no such file or directory"},
		{"missing, long path", dir + "/" + strings.Repeat("x", 120), "no such file or directory"},
		{"nobody listens", dir + "/deaf", "connection refused; no process listens on it"},
		{"not a socket", dir + "/file", "connection refused; no process listens on it"},
		{"datagrams", dir + "/packets", "protocol wrong type for socket; it must be a stream socket"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := SendPidfd(tc.path, 0)
			if want := `pidfd socket "` + tc.path + `": ` + tc.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// An engine or agent that listens and never accepts is not waited for beyond the deadline.
func TestSendDeadline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the queue takes one or two
		if err = connectAndSend(path, 0, "x", 50*time.Millisecond); err != nil {
			break
		}
		// The connection is closed by then, and is in the queue all the same.
	}
	if err != unix.EAGAIN {
		t.Errorf("%v, want EAGAIN, which send makes a time-out of", err)
	}
}
