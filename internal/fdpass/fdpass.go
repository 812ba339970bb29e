// Package fdpass sends and receives descriptors over Unix sockets (SCM_RIGHTS, unix(7)).
//
// It owns the rules of who owns a descriptor on the way: Send borrows, Recv gives away everything or closes everything. It
// sets no deadlines (SO_SNDTIMEO and SO_RCVTIMEO are the caller's), knows no messages, and is linked into init.
package fdpass

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// Errors of Recv. They mean that the peer does not keep to the protocol.
var (
	ErrTruncated = errors.New("message or descriptors truncated")
	ErrSurplus   = errors.New("more descriptors than expected")
)

// Send sends one message with descriptors, which stay the caller's. On a stream socket they travel with the first byte, so
// the payload may not be empty; a longer payload than the socket takes at once is sent in pieces.
func Send(socketFd int, payload []byte, fds ...int) error {
	if len(payload) == 0 {
		return unix.EINVAL
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(payload) > 0 {
		n, err := unix.SendmsgN(socketFd, payload, rights, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		payload, rights = payload[n:], nil
	}
	return nil
}

// Recv receives one message into buf, and at most maxFds descriptors, all close-on-exec. They are the caller's; with an error
// there are none, those that came have been closed. io.EOF means that the peer has closed its end.
func Recv(socketFd int, buf []byte, maxFds int) (n int, fds []int, err error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFds))
	n, oobn, flags, err := recvmsg(socketFd, buf, oob)
	if err != nil {
		return 0, nil, err
	}
	fds, err = parseRights(oob[:oobn])
	switch {
	case err != nil:
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = ErrTruncated
	case len(fds) > maxFds: // the space is rounded up: where one fits, a second does
		err = ErrSurplus
	case n == 0 && len(fds) == 0 && len(buf) > 0:
		err = io.EOF
	}
	if err != nil {
		closeAll(fds)
		return 0, nil, err
	}
	return n, fds, nil
}

func recvmsg(socketFd int, buf, oob []byte) (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = unix.Recvmsg(socketFd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, oobn, flags, err
		}
	}
}

// parseRights collects the descriptors of all SCM_RIGHTS messages; other control messages are ignored.
func parseRights(oob []byte) ([]int, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for i := range messages {
		if messages[i].Header.Level != unix.SOL_SOCKET || messages[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fds, err
		}
		fds = append(fds, some...)
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
