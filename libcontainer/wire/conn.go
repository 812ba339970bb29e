package wire

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// The environment variables that init gets, besides those for its Go runtime.
const (
	Variable       = "TARE_WIRE"   // number of its descriptor of the wire
	NofileVariable = "TARE_NOFILE" // soft RLIMIT_NOFILE of the caller; absent: leave it as it is
	// AffinityVariable is there where the CPUs of the caller are those that the program shall begin on.
	AffinityVariable = "TARE_AFFINITY"
)

// ErrClosed: the peer closed the socket or died.
var ErrClosed = errors.New("connection closed by the peer")

// Conn is one end of a SOCK_SEQPACKET connection. It owns Fd; both ends set close-on-exec.
type Conn struct {
	Fd  int
	buf []byte // of the packet last received; messages hold copies
}

// SetDeadline bounds every later Send and Recv, in milliseconds; 0 means without bound (socket(7), SO_RCVTIMEO).
func (c *Conn) SetDeadline(milliseconds int64) error {
	tv := unix.NsecToTimeval(milliseconds * 1e6)
	if err := unix.SetsockoptTimeval(c.Fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return err
	}
	return unix.SetsockoptTimeval(c.Fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
}

// Close closes the descriptor.
func (c *Conn) Close() {
	if c.Fd >= 0 {
		unix.Close(c.Fd)
		c.Fd = -1
	}
}

// Send sends one message, with descriptors. The descriptors stay the caller's.
func (c *Conn) Send(m Message, fds ...int) error {
	b := encodeMessage(m)
	if len(b) > MaxMessage {
		return unix.EMSGSIZE
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		var err error
		if rights == nil {
			_, err = unix.Write(c.Fd, b) // not sendmsg(2): init's last words must pass a seccomp filter without sockets
		} else {
			err = unix.Sendmsg(c.Fd, b, rights, nil, unix.MSG_NOSIGNAL)
		}
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return fault.ErrTimeout
		case unix.EPIPE, unix.ECONNRESET:
			return ErrClosed
		default:
			return err
		}
	}
}

// Recv receives one message and at most one descriptor, −1 where there is none. The descriptor becomes the caller's.
func (c *Conn) Recv() (m Message, fd int, err error) {
	var oob [64]byte
	m, fds, err := c.recv(oob[:])
	switch {
	case err != nil:
		return nil, -1, err
	case len(fds) > 1: // W3
		closeAll(fds)
		return nil, -1, errMalformed
	case len(fds) == 1:
		return m, fds[0], nil
	}
	return m, -1, nil
}

// recv receives one message with the descriptors that fit into oob; more is an error.
func (c *Conn) recv(oob []byte) (m Message, fds []int, err error) {
	if c.buf == nil {
		c.buf = make([]byte, MaxMessage)
	}
	n, oobn, flags, err := recvmsg(c.Fd, c.buf, oob)
	if err != nil {
		return nil, nil, err
	}
	fds, err = descriptors(oob[:oobn])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = unix.EMSGSIZE
	}
	if err == nil && n == 0 {
		err = ErrClosed
	}
	if err == nil {
		m, err = decodeMessage(c.buf[:n])
	}
	if err != nil {
		closeAll(fds)
		return nil, nil, err
	}
	return m, fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func recvmsg(fd int, buf, oob []byte) (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = unix.Recvmsg(fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, 0, 0, fault.ErrTimeout
		case unix.ECONNRESET:
			return 0, 0, 0, ErrClosed
		default:
			return n, oobn, flags, err
		}
	}
}

// descriptors takes the descriptors out of a control message.
func descriptors(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			closeAll(all)
			return nil, errMalformed
		}
		all = append(all, fds...)
	}
	return all, nil
}
