package bus

import (
	"github.com/tare-run/tare/internal/fault"
)

// Message types and header fields, of the specification's "Message Format".
const (
	typeCall   = 1
	typeReturn = 2
	typeError  = 3
	typeSignal = 4

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8
)

const (
	protocolVersion = 1
	headerStart     = 16 // up to the length of the header's fields, which is the last of it
	// maxMessage bounds what is read. The specification allows 128 MiB; the longest that systemd sends us are its complaints.
	maxMessage = 1 << 20
)

// message is a message as far as we look at it.
type message struct {
	kind        byte
	serial      uint32
	replySerial uint32
	path        string
	iface       string
	member      string
	errorName   string
	destination string
	signature   string
	body        []any
}

// Error is a method's refusal.
type Error struct {
	Name string // org.freedesktop.systemd1.NoSuchUnit
	Text string
}

func (e *Error) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return e.Name
}

// encode makes the bytes of a method call.
func (m *message) encode() ([]byte, error) {
	body := &encoder{}
	body.values(m.signature, m.body...)
	if body.err != nil {
		return nil, body.err
	}
	fields := []any{}
	add := func(code byte, signature, value string) {
		if value != "" {
			fields = append(fields, []any{code, Value{signature, value}})
		}
	}
	add(fieldPath, "o", m.path)
	add(fieldInterface, "s", m.iface)
	add(fieldMember, "s", m.member)
	add(fieldDestination, "s", m.destination)
	add(fieldSignature, "g", m.signature)
	e := &encoder{}
	e.values("yyyyuua(yv)", byte('l'), m.kind, byte(0), byte(protocolVersion), uint32(len(body.data)), m.serial, fields)
	e.pad(8)
	e.data = append(e.data, body.data...)
	if e.err == nil && len(e.data) > maxMessage {
		e.err = fault.Text("the message is too long")
	}
	return e.data, e.err
}

// messageLength says how long the message is that begins with these headerStart bytes.
func messageLength(start []byte) (int, error) {
	body, fields := order.Uint32(start[4:]), order.Uint32(start[12:])
	if start[0] != 'l' || start[3] != protocolVersion || body > maxMessage || fields > maxMessage {
		return 0, errMalformed
	}
	header := (headerStart + int(fields) + 7) &^ 7
	if header+int(body) > maxMessage {
		return 0, errMalformed
	}
	return header + int(body), nil
}

// decode reads a whole message.
func decode(data []byte) (*message, error) {
	if len(data) < headerStart {
		return nil, errMalformed
	}
	d := &decoder{data: data}
	header := d.values("yyyyuua(yv)")
	d.pad(8)
	if d.err != nil {
		return nil, d.err
	}
	m := &message{kind: header[1].(byte), serial: header[5].(uint32)}
	for _, field := range header[6].([]any) {
		pair := field.([]any)
		m.field(pair[0].(byte), pair[1].(Value).V)
	}
	body := &decoder{data: data[d.at:]}
	m.body = body.values(m.signature)
	if body.err == nil && body.at != len(body.data) {
		body.fail()
	}
	return m, body.err
}

// field takes one header field. One of the wrong type is as good as absent.
func (m *message) field(code byte, v any) {
	text, _ := v.(string)
	switch code {
	case fieldPath:
		m.path = text
	case fieldInterface:
		m.iface = text
	case fieldMember:
		m.member = text
	case fieldErrorName:
		m.errorName = text
	case fieldDestination:
		m.destination = text
	case fieldSignature:
		m.signature = text
	case fieldReplySerial:
		m.replySerial, _ = v.(uint32)
	}
}

// refusal makes an error of an error message, whose first value is the explanation if it is a text.
func (m *message) refusal() error {
	e := &Error{Name: m.errorName}
	if len(m.body) > 0 {
		e.Text, _ = m.body[0].(string)
	}
	return e
}
