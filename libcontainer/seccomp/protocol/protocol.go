// Package protocol is what package seccomp and its helper program share: the helper reads one Request in JSON from standard
// input, writes one Response in JSON to standard output, and exits.
//
// It owns the two messages and their limits. It knows nothing of filters, so that neither side links the other's code.
package protocol

import (
	"errors"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// Name is the helper's argv[0], Describe the argument that makes it write its description (see Description) instead.
const (
	Name     = "tare-seccomp"
	Describe = "describe"
)

// MaxMessage bounds a message in either direction. The largest profiles in use have some 30 KiB.
const MaxMessage = 1 << 20

// Request asks for a filter.
type Request struct {
	Profile *specs.LinuxSeccomp `json:"profile"`
}

// Response is a filter, or a problem.
type Response struct {
	Filter  []byte   `json:"filter,omitempty"`  // array of struct sock_filter in native byte order
	Unknown []string `json:"unknown,omitempty"` // names that libseccomp does not know on any architecture
	Problem *Problem `json:"problem,omitempty"`
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
