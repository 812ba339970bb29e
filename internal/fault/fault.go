// Package fault owns the one error type of tare and the sentinels that engines recognise by their words.
//
// It formats one line and nothing else: it may not print, log, exit, or know about terminals. It imports neither fmt nor os,
// because the container side links it and pays for every package at each start.
//
// The whole line a user reads has the shape
//
//	verb id: where: what: why; what to do
//
// Error carries "where" to "what to do"; Verb puts the first two words in front, once, in package libcontainer.
package fault

import (
	"errors"
	"strconv"
	"strings"
)

// Error is one thing that went wrong, at one place. It is modelled on os.PathError; every field but Err may be empty.
type Error struct {
	Op      string // what was tried, as the step or the kernel names it: "bind", "write", "pivot_root"
	File    string // the file Pointer points into; empty means config.json
	Pointer string // RFC 6901 pointer to the entry of File that asked for it: "/mounts/3/source"
	Path    string // the object: a path or a name; quoted when printed
	Err     error  // why: an errno where the kernel refused, else a sentinel or a sentence
	Hint    string // what to do about it; must not contain a phrase that engines match (see sentinels.go)
}

// Error returns the line without the verb: `config.json /mounts/3: bind "/srv": no such file or directory; create it`.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Pointer != "" || e.File != "" {
		file := e.File
		if file == "" {
			file = "config.json"
		}
		b.WriteString(file)
		if e.Pointer != "" {
			b.WriteByte(' ')
			b.WriteString(e.Pointer)
		}
		b.WriteString(": ")
	}
	what := e.Op
	if e.Path != "" {
		if what != "" {
			what += " "
		}
		what += strconv.Quote(e.Path)
	}
	b.WriteString(what)
	if e.Err != nil {
		if what != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is(err, unix.EPERM) holds on both sides of the wire.
func (e *Error) Unwrap() error { return e.Err }

// Text makes an error out of a plain sentence: lower case, no period.
func Text(s string) error { return errors.New(s) }

// At puts a pointer on an error that was made where the pointer was not known. An Error that already has one keeps it, but a
// relative one, without a slash in front, is completed: who opens the source of a mount knows the member but not the mount.
// Any other error is wrapped. It returns nil for nil.
func At(pointer string, err error) error {
	if err == nil || pointer == "" {
		return err
	}
	e, ok := err.(*Error)
	if !ok {
		return &Error{Pointer: pointer, Err: err}
	}
	if strings.HasPrefix(e.Pointer, "/") {
		return err
	}
	c := *e
	if c.Pointer != "" {
		pointer += "/" + c.Pointer
	}
	c.Pointer = pointer
	return &c
}

// Ptr builds an RFC 6901 pointer out of object keys (string) and array indexes (int): Ptr("mounts", 3, "source").
func Ptr(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteByte('/')
		switch v := p.(type) {
		case string:
			b.WriteString(escape(v))
		case int:
			b.WriteString(strconv.Itoa(v))
		}
	}
	return b.String()
}

// escape encodes one reference token: "~" is "~0" and "/" is "~1" (RFC 6901 section 3).
func escape(s string) string {
	if !strings.ContainsAny(s, "~/") {
		return s
	}
	s = strings.ReplaceAll(s, "~", "~0")
	return strings.ReplaceAll(s, "/", "~1")
}

// Verb is the outermost error of a command: `create web1: ` in front of what went wrong.
type Verb struct {
	Verb string
	ID   string
	Err  error
}

func (v *Verb) Error() string {
	if v.ID == "" {
		return v.Verb + ": " + v.Err.Error()
	}
	return v.Verb + " " + v.ID + ": " + v.Err.Error()
}

// Unwrap returns what went wrong.
func (v *Verb) Unwrap() error { return v.Err }
