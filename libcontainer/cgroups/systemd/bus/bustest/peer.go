// Package bustest plays the other side of a bus in tests: a socket that accepts connections and answers as it is told.
package bustest

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// Peer answers one connection after the other.
type Peer struct {
	t        testing.TB
	listener net.Listener
	answer   func(c *Connection, call *bus.Message)

	mu    sync.Mutex
	calls []string
}

// Connection is what an answer goes to.
type Connection struct {
	net.Conn
	serial uint32
}

// Path returns where a peer of this test may listen; it ends as that of systemd's own socket, which wants no greeting.
func Path(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "systemd")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "private")
}

// Listen starts a peer at a path. The function is called for each method call; one that answers nothing is a peer that hangs.
// Nil never says a word, not even at the door.
func Listen(t testing.TB, path string, answer func(c *Connection, call *bus.Message)) *Peer {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := &Peer{t: t, listener: listener, answer: answer}
	t.Cleanup(func() { listener.Close() })
	go p.serve()
	return p
}

// Calls returns the methods that have been called.
func (p *Peer) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

func (p *Peer) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.converse(conn)
	}
}

func (p *Peer) converse(conn net.Conn) {
	defer conn.Close()
	if p.answer == nil {
		io.Copy(io.Discard, conn)
		return
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.Trim(line, "\x00\r\n") {
		case "AUTH EXTERNAL":
			io.WriteString(conn, "DATA\r\n")
		case "DATA":
			io.WriteString(conn, "OK 0123456789abcdef0123456789abcdef\r\n")
		case "BEGIN":
			p.answerCalls(&Connection{Conn: conn}, in)
			return
		}
	}
}

func (p *Peer) answerCalls(c *Connection, in io.Reader) {
	for {
		start := make([]byte, bus.HeaderSize)
		if _, err := io.ReadFull(in, start); err != nil {
			return
		}
		length, err := bus.Length(start)
		if err != nil {
			p.t.Error(err)
			return
		}
		rest := make([]byte, length-len(start))
		if _, err := io.ReadFull(in, rest); err != nil {
			return
		}
		call, err := bus.Decode(append(start, rest...))
		if err != nil {
			p.t.Error(err)
			return
		}
		p.mu.Lock()
		p.calls = append(p.calls, call.Member)
		p.mu.Unlock()
		p.answer(c, call)
	}
}

// Return answers a call.
func (c *Connection) Return(call *bus.Message, signature string, values ...any) {
	c.Send(&bus.Message{Kind: bus.TypeReturn, ReplySerial: call.Serial, Signature: signature, Body: values})
}

// Refuse answers a call with an error.
func (c *Connection) Refuse(call *bus.Message, name, text string) {
	c.Send(&bus.Message{Kind: bus.TypeError, ReplySerial: call.Serial, ErrorName: name, Signature: "s", Body: []any{text}})
}

// Send sends any message. What cannot be sent is for a side that has gone.
func (c *Connection) Send(m *bus.Message) {
	c.serial++
	m.Serial = c.serial
	if data, err := m.Encode(); err == nil {
		_, _ = c.Write(data)
	}
}
