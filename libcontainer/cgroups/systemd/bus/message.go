package bus

import (
	"encoding/binary"

	"github.com/tare-run/tare/internal/fault"
)

// The types of messages, and the header fields, of the specification's "Message Format".
const (
	TypeCall   = 1
	TypeReturn = 2
	TypeError  = 3
	TypeSignal = 4

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
	// HeaderSize is how much of a message tells its length.
	HeaderSize = 16
	// maxMessage bounds what is read. The specification allows 128 MiB; the longest that systemd sends us are its complaints.
	maxMessage = 1 << 20
)

// Message is a message as far as we look at it.
type Message struct {
	Kind        byte // Type*
	Serial      uint32
	ReplySerial uint32
	Path        string
	Interface   string
	Member      string
	ErrorName   string
	Destination string
	Signature   string
	Body        []any
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

// Encode makes the bytes.
func (m *Message) Encode() ([]byte, error) {
	body := &encoder{}
	body.values(m.Signature, m.Body...)
	if body.err != nil {
		return nil, body.err
	}
	fields := []any{}
	add := func(code byte, signature, value string) {
		if value != "" {
			fields = append(fields, []any{code, Value{signature, value}})
		}
	}
	add(fieldPath, "o", m.Path)
	add(fieldInterface, "s", m.Interface)
	add(fieldMember, "s", m.Member)
	add(fieldErrorName, "s", m.ErrorName)
	add(fieldDestination, "s", m.Destination)
	add(fieldSignature, "g", m.Signature)
	if m.ReplySerial != 0 {
		fields = append(fields, []any{byte(fieldReplySerial), Value{"u", m.ReplySerial}})
	}
	e := &encoder{}
	e.values("yyyyuua(yv)", byte('l'), m.Kind, byte(0), byte(protocolVersion), uint32(len(body.data)), m.Serial, fields)
	e.pad(8)
	e.data = append(e.data, body.data...)
	if e.err == nil && len(e.data) > maxMessage {
		e.err = fault.Text("the message is too long")
	}
	return e.data, e.err
}

// Length says how long the message is that begins with these HeaderSize bytes.
func Length(start []byte) (int, error) {
	body, fields := binary.LittleEndian.Uint32(start[4:]), binary.LittleEndian.Uint32(start[12:])
	if start[0] != 'l' || start[3] != protocolVersion || body > maxMessage || fields > maxMessage {
		return 0, errMalformed
	}
	header := (HeaderSize + int(fields) + 7) &^ 7
	if header+int(body) > maxMessage {
		return 0, errMalformed
	}
	return header + int(body), nil
}

// Decode reads a whole message.
func Decode(data []byte) (*Message, error) {
	if len(data) < HeaderSize {
		return nil, errMalformed
	}
	d := &decoder{data: data}
	header := d.values("yyyyuua(yv)")
	d.pad(8)
	if d.err != nil {
		return nil, d.err
	}
	m := &Message{Kind: header[1].(byte), Serial: header[5].(uint32)}
	for _, field := range header[6].([]any) {
		pair := field.([]any)
		m.field(pair[0].(byte), pair[1].(Value).V)
	}
	body := &decoder{data: data[d.at:]}
	m.Body = body.values(m.Signature)
	if body.err == nil && body.at != len(body.data) {
		body.fail()
	}
	return m, body.err
}

// field takes one header field. One of the wrong type is as good as absent.
func (m *Message) field(code byte, v any) {
	text, _ := v.(string)
	switch code {
	case fieldPath:
		m.Path = text
	case fieldInterface:
		m.Interface = text
	case fieldMember:
		m.Member = text
	case fieldErrorName:
		m.ErrorName = text
	case fieldDestination:
		m.Destination = text
	case fieldSignature:
		m.Signature = text
	case fieldReplySerial:
		m.ReplySerial, _ = v.(uint32)
	}
}

// refusal makes an error of an error message, whose first value is the explanation if it is a text.
func (m *Message) refusal() error {
	e := &Error{Name: m.ErrorName}
	if len(m.Body) > 0 {
		e.Text, _ = m.Body[0].(string)
	}
	return e
}
