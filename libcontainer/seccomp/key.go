package seccomp

import (
	"encoding/binary"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// keyFor encodes a profile for the cache: two profiles with one key would mean that a container runs with another one's
// filter. The helper, and with it the library and the architecture, is added by package helper.
//
// Every string and list is preceded by its length, so that no two profiles have the same encoding. All fields take part,
// even those that matter to the flags only: a field of a later specification that is forgotten here is found by a test.
func keyFor(profile *specs.LinuxSeccomp) []byte {
	e := encoder{b: make([]byte, 0, 8<<10)}
	e.text(string(profile.DefaultAction))
	e.optional(profile.DefaultErrnoRet)
	texts(&e, profile.Architectures)
	texts(&e, profile.Flags)
	e.text(profile.ListenerPath)
	e.text(profile.ListenerMetadata)
	e.number(uint64(len(profile.Syscalls)))
	for i := range profile.Syscalls {
		e.entry(&profile.Syscalls[i])
	}
	return e.b
}

type encoder struct{ b []byte }

// number writes a number that ends where it ends; most of them take one byte.
func (e *encoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) optional(n *uint) {
	if n == nil {
		e.number(0)
		return
	}
	e.number(1)
	e.number(uint64(*n))
}

func (e *encoder) entry(entry *specs.LinuxSyscall) {
	texts(e, entry.Names)
	e.text(string(entry.Action))
	e.optional(entry.ErrnoRet)
	e.number(uint64(len(entry.Args)))
	for _, arg := range entry.Args {
		e.number(uint64(arg.Index))
		e.number(arg.Value)
		e.number(arg.ValueTwo)
		e.text(string(arg.Op))
	}
}

func texts[S ~string](e *encoder, list []S) {
	e.number(uint64(len(list)))
	for _, s := range list {
		e.text(string(s))
	}
}
