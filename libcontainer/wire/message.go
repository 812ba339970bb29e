package wire

import (
	"errors"
	"reflect"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// MaxMessage bounds one packet. It stays well below the default socket buffer, so that a packet is never refused for size.
const MaxMessage = 32 << 10

// MaxPlan bounds what init gathers from its PlanParts.
const MaxPlan = 64 << 20

// Message is one packet. The concrete types are below; doc.go says who sends which, when.
type Message interface{ number() byte }

type (
	// PlanPart is a piece of an encoded plan; the parts are concatenated.
	PlanPart struct {
		Last bool
		Gate bool // in the last part: the last descriptor of all is the start gate
		Data []byte
	}
	// Ready asks for the runtime-side hooks.
	Ready struct{}
	// Run answers Ready.
	Run struct{}
	// Console carries the terminal's master as its only descriptor, and the name of the terminal in the container.
	Console struct{ Name string }
	// Warning is a line for the log; init goes on.
	Warning struct{ Text string }
	// Created says that only the program is missing.
	Created struct{}
	// Release says that the state on disk says created.
	Release struct{}
	// Start asks to execute the program.
	Start struct{}
	// Executing says that nothing is left to do but become the program.
	Executing struct{}
	// Listener comes directly before a seccomp filter is loaded whose listener will be descriptor Number of init. Init waits,
	// without a system call, until the word at address Taken is not 0.
	Listener struct {
		Number uint32
		Taken  uint64
	}
	// Failed is an error with everything that is known about it.
	Failed struct {
		Op, Pointer, Path string
		Errno             uint32 // 0: Text is the cause
		Text, Hint        string
	}
)

func (*PlanPart) number() byte  { return 1 }
func (*Ready) number() byte     { return 2 }
func (*Run) number() byte       { return 3 }
func (*Console) number() byte   { return 4 }
func (*Warning) number() byte   { return 5 }
func (*Created) number() byte   { return 6 }
func (*Release) number() byte   { return 7 }
func (*Start) number() byte     { return 8 }
func (*Failed) number() byte    { return 9 }
func (*Executing) number() byte { return 10 }
func (*Listener) number() byte  { return 11 }

func newMessage(number byte) Message {
	switch number {
	case 1:
		return new(PlanPart)
	case 2:
		return new(Ready)
	case 3:
		return new(Run)
	case 4:
		return new(Console)
	case 5:
		return new(Warning)
	case 6:
		return new(Created)
	case 7:
		return new(Release)
	case 8:
		return new(Start)
	case 9:
		return new(Failed)
	case 10:
		return new(Executing)
	case 11:
		return new(Listener)
	}
	return nil
}

func encodeMessage(m Message) []byte {
	b := make([]byte, 1, 256)
	b[0] = m.number()
	return appendValue(b, reflect.ValueOf(m).Elem())
}

func decodeMessage(b []byte) (Message, error) {
	if len(b) == 0 {
		return nil, errMalformed
	}
	m := newMessage(b[0])
	if m == nil {
		return nil, errMalformed
	}
	if err := decode(b[1:], m); err != nil {
		return nil, err
	}
	return m, nil
}

// NewFailed takes an error apart for the crossing. Texts too long for a packet are cut.
func NewFailed(err error) *Failed {
	f := &Failed{}
	var e *fault.Error
	if errors.As(err, &e) {
		f.Op, f.Pointer, f.Path, f.Hint = e.Op, e.Pointer, e.Path, e.Hint
		err = e.Err
	}
	var errno unix.Errno
	switch {
	case err == nil:
	case errors.As(err, &errno) && err.Error() == errno.Error():
		f.Errno = uint32(errno)
	default:
		if errors.As(err, &errno) {
			f.Errno = uint32(errno)
		}
		f.Text = err.Error()
	}
	for _, s := range []*string{&f.Op, &f.Pointer, &f.Path, &f.Text, &f.Hint} {
		*s = cut(*s, MaxMessage/8)
	}
	return f
}

// Fault puts the error together again.
func (f *Failed) Fault() *fault.Error {
	e := &fault.Error{Op: f.Op, Pointer: f.Pointer, Path: f.Path, Hint: f.Hint}
	switch {
	case f.Text != "" && f.Errno != 0:
		e.Err = &errnoText{text: f.Text, errno: unix.Errno(f.Errno)}
	case f.Text != "":
		e.Err = errors.New(f.Text)
	case f.Errno != 0:
		e.Err = unix.Errno(f.Errno)
	}
	return e
}

// errnoText is a sentence whose cause was an errno.
type errnoText struct {
	text  string
	errno unix.Errno
}

func (e *errnoText) Error() string { return e.text }
func (e *errnoText) Unwrap() error { return e.errno }

func cut(s string, limit int) string {
	if len(s) > limit {
		return s[:limit]
	}
	return s
}
