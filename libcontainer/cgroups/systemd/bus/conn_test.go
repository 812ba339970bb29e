package bus_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus/bustest"
)

const short = 100 * time.Millisecond

func dial(path string, timeout time.Duration) (*bus.Conn, error) {
	return bus.Dial(bus.PathAddress(path), false, time.Now().Add(timeout))
}

func TestCallAndSignal(t *testing.T) {
	path := bustest.Path(t)
	bustest.Listen(t, path, func(c *bustest.Connection, call *bus.Message) {
		for _, name := range []string{"Noise", "Done"} {
			c.Send(&bus.Message{Kind: bus.TypeSignal, Path: "/", Interface: "i.j", Member: name, Signature: "s", Body: []any{name}})
		}
		c.Send(&bus.Message{Kind: bus.TypeReturn, ReplySerial: call.Serial + 100}) // nobody's
		if call.Member == "Bad" {
			c.Refuse(call, "e.f", "because")
			return
		}
		c.Return(call, "s", strings.Repeat("long", 10_000))
	})
	c, err := dial(path, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Wanted = "Done"
	reply, err := c.Call(&bus.Call{Destination: "a.b", Path: "/", Interface: "i.j", Method: "Good", Signature: "as", Args: []any{[]any{"x"}}})
	if err != nil || len(reply) != 1 || len(reply[0].(string)) != 40_000 {
		t.Fatalf("reply %d values, %v", len(reply), err)
	}
	args, err := c.Signal(func(iface string, _ []any) bool { return iface == "i.j" })
	if err != nil || len(args) != 1 || args[0] != "Done" {
		t.Errorf("signal %v, %v", args, err)
	}
	_, err = c.Call(&bus.Call{Destination: "a.b", Path: "/", Interface: "i.j", Method: "Bad"})
	var refusal *bus.Error
	if !errors.As(err, &refusal) || refusal.Name != "e.f" || refusal.Text != "because" {
		t.Errorf("refused call: %v", err)
	}
}

// J39: a peer that is silent at any point is an error at the deadline.
func TestSilentPeer(t *testing.T) {
	for _, row := range []struct {
		name  string
		serve func(net.Conn)
	}{
		{"at the door", func(net.Conn) {}},
		{"in the middle of the greeting", func(c net.Conn) { io.WriteString(c, "DA") }},
		{"after the greeting", func(c net.Conn) { io.WriteString(c, "DATA\r\nOK 00\r\n") }},
		{"in the middle of a message", func(c net.Conn) { io.WriteString(c, "DATA\r\nOK 00\r\nl\x02\x00\x01\x08\x00\x00\x00\x01") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := bustest.Path(t)
			raw(t, path, row.serve)
			begun := time.Now()
			c, err := dial(path, short)
			if err == nil {
				defer c.Close()
				_, err = c.Call(&bus.Call{Destination: "a.b", Path: "/", Interface: "i.j", Method: "M"})
			}
			if !errors.Is(err, fault.ErrTimeout) {
				t.Errorf("error %v, want a time-out", err)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A queue of connections that nobody takes is a silent peer too.
func TestFullQueue(t *testing.T) {
	path := bustest.Path(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		begun := time.Now()
		if c, err := dial(path, short); !errors.Is(err, fault.ErrTimeout) {
			t.Errorf("connected: %v, error %v, want a time-out", c != nil, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	}
}

func TestWrongPeer(t *testing.T) {
	for _, row := range []struct {
		name, says string
		want       string
	}{
		{"refuses", "REJECTED EXTERNAL\r\n", "does not accept this user"},
		{"speaks something else", "HTTP/1.1 400 Bad Request\r\n", "does not accept this user"},
		{"endless line", strings.Repeat("DATA", 1000), "malformed"},
		{"garbage", "DATA\r\nOK 00\r\n" + strings.Repeat("garbage!", 4), "malformed"},
		{"another byte order", "DATA\r\nOK 00\r\nB\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", "malformed"},
		{"hangs up", "DATA\r\nOK 00\r\n", "closed the connection"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := bustest.Path(t)
			raw(t, path, func(c net.Conn) {
				io.WriteString(c, row.says)
				if row.name == "hangs up" {
					c.Close()
				}
			})
			c, err := dial(path, 5*time.Second)
			if err == nil {
				defer c.Close()
				_, err = c.Call(&bus.Call{Destination: "a.b", Path: "/", Interface: "i.j", Method: "M"})
			}
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

// raw listens and serves each connection with a function, which leaves it open.
func raw(t *testing.T, path string, serve func(net.Conn)) {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			serve(conn)
		}
	}()
}
