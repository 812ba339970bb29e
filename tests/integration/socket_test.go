package integration

import (
	"testing"

	"golang.org/x/sys/unix"
)

// socket is a listening stream socket that receives one descriptor, as an engine's console socket does.
type socket struct {
	t    *testing.T
	path string
	fd   int
}

// listen makes a socket, whose path must be short. (Package net would link the test binary against the C library.)
func listen(t *testing.T, path string) *socket {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	must(t, unix.Listen(fd, 1))
	return &socket{t, path, fd}
}

// receive accepts the connection that has been made and returns the descriptor and the bytes that came with it. Both were
// sent before the verb returned, so nothing is waited for.
func (s *socket) receive() (fd int, payload string) {
	s.t.Helper()
	must(s.t, unix.SetNonblock(s.fd, true))
	conn, _, err := unix.Accept4(s.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		s.t.Fatalf("nobody has connected: %v", err)
	}
	defer unix.Close(conn)
	data, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*8))
	n, controlLength, _, _, err := recvmsg(conn, data, control, unix.MSG_CMSG_CLOEXEC)
	must(s.t, err)
	messages, err := unix.ParseSocketControlMessage(control[:controlLength])
	must(s.t, err)
	if len(messages) != 1 {
		s.t.Fatalf("%d control messages, want 1", len(messages))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	must(s.t, err)
	if len(fds) != 1 {
		s.t.Fatalf("%d descriptors, want 1", len(fds))
	}
	return fds[0], string(data[:n])
}

// recvmsg is recvmsg(2), again where a signal has interrupted it: with a timeout on the socket the kernel does not restart it.
func recvmsg(fd int, data, control []byte, flags int) (n, controlLength, received int, from unix.Sockaddr, err error) {
	for {
		if n, controlLength, received, from, err = unix.Recvmsg(fd, data, control, flags); err != unix.EINTR {
			return n, controlLength, received, from, err
		}
	}
}
