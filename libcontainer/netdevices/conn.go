package netdevices

import (
	"encoding/binary"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// conn is an rtnetlink socket. It stays in the network namespace that it was made in.
type conn struct {
	fd  int
	seq uint32
}

// replyTimeout bounds the wait for an answer. A move waits for everybody who uses the device.
const replyTimeout = 30 * time.Second

// dial makes a socket in the namespace of this thread.
func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, &fault.Error{Op: "netlink socket", Err: err}
	}
	c := &conn{fd: fd}
	timeout := unix.NsecToTimeval(int64(replyTimeout))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1) // errors with the kernel's words
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		c.close()
		return nil, &fault.Error{Op: "netlink socket", Err: err}
	}
	return c, nil
}

// dialIn makes a socket in another namespace. The goroutine takes its thread there and back. The thread must not end: the
// container's init process may have it for its parent, and dies with that.
func dialIn(nsFd, ownFd int) (c *conn, err error) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		if err = unix.Setns(nsFd, unix.CLONE_NEWNET); err != nil {
			err = &fault.Error{Op: "enter network namespace", Err: err}
		} else {
			c, err = dial()
		}
		if unix.Setns(ownFd, unix.CLONE_NEWNET) != nil {
			close(done)
			select {} // nobody may run on this thread
		}
		runtime.UnlockOSThread()
		close(done)
	}()
	<-done
	return c, err
}

func (c *conn) close() { unix.Close(c.fd) }

// kernelError is an errno, with the words that the kernel put to it.
type kernelError struct {
	unix.Errno
	words string
}

func (e *kernelError) Error() string {
	if e.words == "" {
		return e.Errno.Error()
	}
	return e.Errno.Error() + " (" + e.words + ")"
}

func (e *kernelError) Unwrap() error { return e.Errno }

// request sends one request and waits until the kernel has carried it out.
func (c *conn) request(kind, flags uint16, body []byte) error {
	return c.talk(kind, flags|unix.NLM_F_ACK, body, nil)
}

// dumpAttempts bounds the repetitions of a listing that something changed meanwhile.
const dumpAttempts = 16

// dump calls each for every object of a kind.
func (c *conn) dump(kind uint16, body []byte, reset func(), each func(message []byte)) (err error) {
	for range dumpAttempts {
		reset()
		if err = c.talk(kind, unix.NLM_F_DUMP, body, each); err != errChanged {
			break
		}
	}
	return err
}

var (
	errChanged   = fault.Text("the list changed while it was read")
	errMalformed = fault.Text("netlink answer not understood")
)

// talk sends one message and reads the answers up to the last.
func (c *conn) talk(kind, flags uint16, body []byte, each func([]byte)) error {
	c.seq++
	message := header(kind, flags|unix.NLM_F_REQUEST, c.seq, body)
	if err := unix.Sendto(c.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return &fault.Error{Op: "netlink send", Err: err}
	}
	buffer := make([]byte, 64<<10) // the kernel fills at most 32 KiB
	changed := false
	for {
		n, _, err := unix.Recvfrom(c.fd, buffer, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return &fault.Error{Op: "wait for an answer of the network stack", Err: fault.ErrTimeout}
		case err != nil:
			return &fault.Error{Op: "netlink receive", Err: err}
		}
		a := answers{rest: buffer[:n], seq: c.seq, each: each}
		done, err := a.read()
		changed = changed || a.changed
		if err != nil || done {
			if err == nil && changed {
				err = errChanged
			}
			return err
		}
	}
}

const headerLength = unix.NLMSG_HDRLEN

func header(kind, flags uint16, seq uint32, body []byte) []byte {
	m := make([]byte, headerLength, headerLength+len(body))
	order := binary.NativeEndian
	order.PutUint32(m[0:], uint32(headerLength+len(body)))
	order.PutUint16(m[4:], kind)
	order.PutUint16(m[6:], flags)
	order.PutUint32(m[8:], seq)
	return append(m, body...)
}

// answers is one packet of the kernel's.
type answers struct {
	rest    []byte
	seq     uint32
	each    func([]byte)
	changed bool
}

// read goes through the messages; done says that the last one has come.
func (a *answers) read() (done bool, err error) {
	order := binary.NativeEndian
	for len(a.rest) >= headerLength {
		length := int(order.Uint32(a.rest))
		if length < headerLength || length > len(a.rest) {
			return true, errMalformed
		}
		kind, flags, seq := order.Uint16(a.rest[4:]), order.Uint16(a.rest[6:]), order.Uint32(a.rest[8:])
		body := a.rest[headerLength:length]
		a.rest = a.rest[min(align(length), len(a.rest)):]
		if seq != a.seq {
			continue // the answer to a request that was given up
		}
		a.changed = a.changed || flags&unix.NLM_F_DUMP_INTR != 0
		switch kind {
		case unix.NLMSG_ERROR:
			return true, answer(body, flags)
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_NOOP:
		default:
			if a.each != nil {
				a.each(body)
			}
		}
	}
	return false, nil
}

// answer reads an acknowledgement: an errno, the request's header or all of it, and attributes (linux/netlink.h).
func answer(body []byte, flags uint16) error {
	if len(body) < 4+headerLength {
		return errMalformed
	}
	order := binary.NativeEndian
	errno := -int32(order.Uint32(body))
	if errno == 0 {
		return nil
	}
	e := &kernelError{Errno: unix.Errno(errno)}
	if flags&unix.NLM_F_ACK_TLVS != 0 {
		skip := 4 + headerLength
		if flags&unix.NLM_F_CAPPED == 0 {
			skip = 4 + align(int(order.Uint32(body[4:])))
		}
		if skip >= 0 && skip <= len(body) {
			eachAttribute(body[skip:], func(kind uint16, value []byte) {
				if kind == unix.NLMSGERR_ATTR_MSG {
					e.words = text(value)
				}
			})
		}
	}
	return e
}
