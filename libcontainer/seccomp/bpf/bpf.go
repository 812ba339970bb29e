// Package bpf reads and rewrites classic BPF programs of the form that seccomp(2) takes.
//
// It owns the instruction format and the one change tare makes to what libseccomp generates (unknown.go). It is pure: it
// loads nothing, and knows neither libseccomp nor the names of system calls.
package bpf

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// InstructionSize is the size of struct sock_filter, MaxProgram that of the longest program the kernel takes.
const (
	InstructionSize = 8
	MaxProgram      = unix.BPF_MAXINSNS * InstructionSize
)

// Instruction codes as seccomp programs use them: the accumulator is loaded with a word of struct seccomp_data, compared
// with a constant, and a constant is returned.
const (
	LoadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	Jump        = unix.BPF_JMP | unix.BPF_JA
	JumpEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	JumpGreater = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	JumpAtLeast = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	Return      = unix.BPF_RET | unix.BPF_K
)

// Offsets into struct seccomp_data.
const (
	OffsetNumber = 0
	OffsetArch   = 4
	OffsetArgs   = 16 // six 64-bit words
)

// What a program returns, from linux/seccomp.h: an action, and for some of them 16 bits of data.
const (
	ReturnKillProcess = 0x80000000
	ReturnKillThread  = 0x00000000
	ReturnTrap        = 0x00030000
	ReturnErrno       = 0x00050000
	ReturnTrace       = 0x7ff00000
	ReturnLog         = 0x7ffc0000
	ReturnAllow       = 0x7fff0000
)

// Instruction is struct sock_filter. Jt and Jf count the instructions to skip when a comparison holds and when not.
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// Decode reads a program in native byte order.
func Decode(b []byte) ([]Instruction, error) {
	if len(b) == 0 || len(b)%InstructionSize != 0 {
		return nil, errors.New("not a whole number of BPF instructions")
	}
	program := make([]Instruction, 0, len(b)/InstructionSize)
	for ; len(b) > 0; b = b[InstructionSize:] {
		program = append(program, Instruction{
			Code: binary.NativeEndian.Uint16(b),
			Jt:   b[2],
			Jf:   b[3],
			K:    binary.NativeEndian.Uint32(b[4:]),
		})
	}
	return program, nil
}

// Encode is the reverse of Decode.
func Encode(program []Instruction) []byte {
	b := make([]byte, 0, len(program)*InstructionSize)
	for _, in := range program {
		b = binary.NativeEndian.AppendUint16(b, in.Code)
		b = append(b, in.Jt, in.Jf)
		b = binary.NativeEndian.AppendUint32(b, in.K)
	}
	return b
}
