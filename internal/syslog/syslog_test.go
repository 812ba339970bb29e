package syslog

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// listen makes a datagram socket, and returns its path and what takes the next datagram.
func listen(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, func() string {
		t.Helper()
		var buffer [4096]byte
		n, err := unix.Read(fd, buffer[:])
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
}

// B2 B6: the bytes of both protocols. No line of a message is a field of its own.
func TestDatagrams(t *testing.T) {
	socket, next := listen(t)
	pid := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		name string
		send func(socket, name string, severity int, message string) error
		text string
		want string
	}{
		{"journal", Journal, `create web1: "x" = y`, "MESSAGE=create web1: \"x\" = y\nPRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=web1\n"},
		{"journal, two lines", Journal, "a\nUID=0", "MESSAGE\n\x07\x00\x00\x00\x00\x00\x00\x00a\nUID=0\nPRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=web1\n"},
		{"syslog", Syslog, "create web1: failed", "<27>web1[" + pid + "]: create web1: failed"},
		{"syslog, two lines", Syslog, "a\n<0>b", "<27>web1[" + pid + "]: a; <0>b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.send(socket, "web1", Error, test.text); err != nil {
				t.Fatal(err)
			}
			if got := next(); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// A log that is not there is an error, and one that is full does not hold anybody up.
func TestUnreachable(t *testing.T) {
	if err := Journal(filepath.Join(t.TempDir(), "none"), "x", Error, "m"); err != unix.ENOENT {
		t.Errorf("nobody listens: %v", err)
	}
	socket, _ := listen(t)
	for range 100_000 {
		if err := Syslog(socket, "x", Debug, "m"); err == unix.EAGAIN {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("the socket takes everything")
}
