// Package protocol is what package seccomp and its compiler in the helper (package libseccomp) share: the request is a
// profile as it stands in config.json, the answer is described below, and the compiler states the facts named here.
//
// It knows nothing of how filters are made, so that neither side links the other's code.
package protocol

import (
	"encoding/binary"
	"strings"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

// Kind is what seccomp filters are called between tare and its helper (internal/helper).
const Kind = "seccomp"

// Facts in the description of a helper that has this compiler.
const (
	FactLibrary = "libseccomp" // version of the linked library: "2.5.4"
	FactArch    = "arch"       // an architecture that it knows, as config.json spells it
)

// Answer is a compiled profile. It travels as
//
//	length of the filter, 4 bytes, little-endian
//	the filter
//	the unknown names, separated by zero bytes
type Answer struct {
	Filter  []byte   // array of struct sock_filter in native byte order
	Unknown []string // names that libseccomp does not know on any architecture
}

const sizeLength = 4

// Encode writes an answer.
func (a Answer) Encode() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, sizeLength+len(a.Filter)), uint32(len(a.Filter)))
	b = append(b, a.Filter...)
	return append(b, strings.Join(a.Unknown, "\x00")...)
}

// ParseAnswer reads an answer; the filter in it has whole instructions, and not more than the kernel takes.
func ParseAnswer(b []byte) (a Answer, ok bool) {
	if len(b) < sizeLength {
		return Answer{}, false
	}
	size, b := uint64(binary.LittleEndian.Uint32(b)), b[sizeLength:]
	if size == 0 || size > uint64(len(b)) || size > bpf.MaxProgram || size%bpf.InstructionSize != 0 {
		return Answer{}, false
	}
	a.Filter = b[:size:size]
	if names := string(b[size:]); names != "" {
		a.Unknown = strings.Split(names, "\x00")
	}
	return a, true
}

// ValidAnswer says whether ParseAnswer can read it.
func ValidAnswer(b []byte) bool {
	_, ok := ParseAnswer(b)
	return ok
}
