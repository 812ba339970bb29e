// Package protocol is what package helper and the program tare-helper share.
//
//	tare-helper KIND < request > response    for each answer that the cache lacks
//	tare-helper describe > description       once, by make
//
// It owns the words, the limits, the response and the description. It knows nothing of what is compiled, so that neither
// side links the other's code.
package protocol

import (
	"encoding/json"
	"errors"
	"syscall"

	"github.com/tare-run/tare/internal/fault"
)

// Name is the helper's argv[0], Describe the argument that makes it write its description instead of compiling.
const (
	Name     = "tare-helper"
	Describe = "describe"
)

// Limits of the messages. The largest seccomp profiles in use have some 30 KiB, and their programs a few. The response is
// text, in which an answer takes a third more.
const (
	MaxRequest  = 1 << 20
	MaxAnswer   = 1 << 20
	MaxResponse = 2 << 20
)

// Response is an answer, or a problem.
type Response struct {
	Answer  []byte   `json:"answer,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// ParseResponse reads what the helper wrote.
func ParseResponse(text []byte) (answer []byte, err error) {
	var r Response
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, &fault.Error{Op: "read answer of", Path: Name, Err: err}
	}
	if r.Problem != nil {
		return nil, r.Problem.Err()
	}
	if len(r.Answer) > MaxAnswer {
		return nil, &fault.Error{Op: "read answer of", Path: Name, Err: syscall.EFBIG}
	}
	return r.Answer, nil
}

// Problem is a fault.Error in transit: the errno crosses as a number, so that errors.Is holds on the other side.
type Problem struct {
	Op      string `json:"op,omitempty"`
	Pointer string `json:"pointer,omitempty"`
	Path    string `json:"path,omitempty"`
	Errno   int    `json:"errno,omitempty"`
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
}

// ProblemOf takes an error apart.
func ProblemOf(err error) *Problem {
	var p Problem
	var f *fault.Error
	if errors.As(err, &f) {
		p.Op, p.Pointer, p.Path, p.Hint = f.Op, f.Pointer, f.Path, f.Hint
		err = f.Err
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		p.Errno = int(errno)
	}
	p.Text = err.Error()
	return &p
}

// Err puts the error together again.
func (p *Problem) Err() error {
	cause := fault.Text(p.Text)
	if errno := syscall.Errno(p.Errno); errno != 0 {
		cause = errno
	}
	return &fault.Error{Op: p.Op, Pointer: p.Pointer, Path: p.Path, Err: cause, Hint: p.Hint}
}
