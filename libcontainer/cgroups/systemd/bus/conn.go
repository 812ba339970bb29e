package bus

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Conn is a connection. It is not safe for concurrent use.
type Conn struct {
	Deadline time.Time // of whatever is done next
	Wanted   string    // the name of the signals to keep for Signal; systemd sends all it has to who is connected to it

	fd      int
	serial  uint32
	pending []byte     // what has been read and not been looked at
	signals []*Message // that came while something else was waited for
}

// Dial connects to the first socket of an address that answers, and says who we are. With hello the other side is a bus,
// which wants to be greeted, and else the service itself.
func Dial(address string, hello bool, deadline time.Time) (*Conn, error) {
	sockets, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	for _, socket := range sockets {
		var c *Conn
		if c, err = dial(socket, deadline); err != nil {
			continue
		}
		if hello {
			_, err = c.Call(&Call{Destination: busName, Path: busPath, Interface: busName, Method: "Hello"})
		}
		if err == nil {
			return c, nil
		}
		c.Close()
	}
	return nil, err
}

const (
	busName = "org.freedesktop.DBus"
	busPath = "/org/freedesktop/DBus"
)

func dial(socket *unix.SockaddrUnix, deadline time.Time) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &Conn{fd: fd, Deadline: deadline}
	if err = c.connect(socket); err == nil {
		err = c.authenticate()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// connect waits while the peer's queue of connections is full, up to the time-out for sending (unix(7)).
func (c *Conn) connect(socket *unix.SockaddrUnix) error {
	left := time.Until(c.Deadline)
	if left <= 0 {
		return fault.ErrTimeout
	}
	timeout := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		return err
	}
	for {
		switch err := unix.Connect(c.fd, socket); err {
		case unix.EINTR:
		case unix.EAGAIN:
			return fault.ErrTimeout
		default:
			return err
		}
	}
}

// authenticate is the SASL conversation in one go. The empty answer to EXTERNAL leaves it to the peer to see by the socket
// who we are; a uid of ours would mean somebody else if we were in a user namespace.
func (c *Conn) authenticate() error {
	if err := c.write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")); err != nil {
		return err
	}
	for {
		line, err := c.line()
		switch {
		case err != nil:
			return err
		case string(line) == "DATA":
		case bytes.HasPrefix(line, []byte("OK ")):
			return nil
		default:
			return errRejected
		}
	}
}

var errRejected = fault.Text("it does not accept this user")

// line reads a line of the conversation.
func (c *Conn) line() ([]byte, error) {
	for {
		if line, rest, found := bytes.Cut(c.pending, []byte("\r\n")); found {
			c.pending = rest
			return line, nil
		}
		if len(c.pending) > 512 {
			return nil, errMalformed
		}
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// Call is a method call. Signature and Args are its parameters.
type Call struct {
	Destination, Path, Interface, Method string

	Signature string
	Args      []any
}

// Call calls a method and returns the values of the reply. Signals that arrive meanwhile are kept for Signal. The error is
// an *Error where the method refused.
func (c *Conn) Call(call *Call) ([]any, error) {
	c.serial++
	m := &Message{
		Kind: TypeCall, Serial: c.serial, Path: call.Path, Interface: call.Interface, Member: call.Method,
		Destination: call.Destination, Signature: call.Signature, Body: call.Args,
	}
	data, err := m.Encode()
	if err != nil {
		return nil, err
	}
	if err := c.write(data); err != nil {
		return nil, err
	}
	for {
		m, err := c.message()
		if err != nil {
			return nil, err
		}
		switch {
		case m.Kind == TypeSignal:
			c.keep(m)
		case m.ReplySerial != c.serial: // of a call that nobody waits for any more
		case m.Kind == TypeReturn:
			return m.Body, nil
		case m.Kind == TypeError:
			return nil, m.refusal()
		}
	}
}

// maxSignals bounds those that are kept: a caller that waits for one has caused it a moment ago.
const maxSignals = 1024

func (c *Conn) keep(m *Message) {
	if m.Member == c.Wanted && len(c.signals) < maxSignals {
		c.signals = append(c.signals, m)
	}
}

// Signal waits for a wanted signal that the function accepts, and returns its values. Others are dropped.
func (c *Conn) Signal(accept func(iface string, args []any) bool) ([]any, error) {
	for {
		for len(c.signals) > 0 {
			m := c.signals[0]
			c.signals = c.signals[1:]
			if accept(m.Interface, m.Body) {
				return m.Body, nil
			}
		}
		m, err := c.message()
		if err != nil {
			return nil, err
		}
		if m.Kind == TypeSignal {
			c.keep(m)
		}
	}
}

// message reads one message.
func (c *Conn) message() (*Message, error) {
	for {
		if len(c.pending) >= HeaderSize {
			length, err := Length(c.pending)
			if err != nil {
				return nil, err
			}
			if len(c.pending) >= length {
				m, err := Decode(c.pending[:length])
				c.pending = c.pending[length:]
				return m, err
			}
		}
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// read adds what has arrived to pending, and waits until something has.
func (c *Conn) read() error {
	var buffer [4096]byte
	for {
		n, _, err := unix.Recvfrom(c.fd, buffer[:], unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			if err := c.wait(unix.POLLIN); err != nil {
				return err
			}
		case err == unix.EINTR:
		case err == unix.ECONNRESET, err == nil && n == 0:
			return ErrClosed
		case err != nil:
			return err
		default:
			c.pending = append(c.pending, buffer[:n]...)
			return nil
		}
	}
}

// ErrClosed is the end of the conversation by the other side, as when systemd executes itself anew.
var ErrClosed = errors.New("the other side closed the connection")

func (c *Conn) write(data []byte) error {
	for len(data) > 0 {
		n, err := unix.SendmsgN(c.fd, data, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			data = data[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if err := c.wait(unix.POLLOUT); err != nil {
				return err
			}
		case unix.EPIPE, unix.ECONNRESET:
			return ErrClosed
		default:
			return err
		}
	}
	return nil
}

// wait sleeps until the socket is ready, or the deadline passes.
func (c *Conn) wait(events int16) error {
	for {
		left := time.Until(c.Deadline)
		if left <= 0 {
			return fault.ErrTimeout
		}
		poll := []unix.PollFd{{Fd: int32(c.fd), Events: events}}
		n, err := unix.Poll(poll, int(left/time.Millisecond)+1) // rounded up: a poll of zero milliseconds would spin
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			return nil
		}
	}
}

// Close ends the conversation.
func (c *Conn) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}
