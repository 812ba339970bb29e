// Package bpftest runs classic BPF programs on invented system calls, so that tests can ask what a filter answers without
// loading it: for other architectures, for numbers that do not exist, and for thousands of calls in a moment.
//
// It owns an interpreter of the instructions that seccomp(2) admits. Only tests import it.
package bpftest

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

// Call is what the kernel shows a filter of one system call.
type Call struct {
	Arch   uint32
	Number uint32
	Args   [6]uint64
}

// word is what a load from struct seccomp_data sees. The tests run on little-endian machines: the low half of an argument
// is the first one.
func (c *Call) word(offset uint32) (uint32, error) {
	switch {
	case offset == bpf.OffsetNumber:
		return c.Number, nil
	case offset == bpf.OffsetArch:
		return c.Arch, nil
	case offset >= bpf.OffsetArgs && offset < bpf.OffsetArgs+48 && offset%4 == 0:
		i := offset - bpf.OffsetArgs
		return uint32(c.Args[i/8] >> (i % 8 * 8)), nil
	}
	return 0, fmt.Errorf("load from offset %d", offset)
}

type machine struct {
	call   *Call
	a, x   uint32
	memory [16]uint32
}

// Run returns what the program answers. An instruction that the kernel would refuse is an error.
func Run(program []bpf.Instruction, call Call) (answer uint32, err error) {
	answer, _, err = RunCounted(program, call)
	return answer, err
}

// RunCounted also says how many instructions that took.
func RunCounted(program []bpf.Instruction, call Call) (answer uint32, steps int, err error) {
	m := machine{call: &call}
	for pc := 0; pc < len(program); pc++ {
		steps++
		in := program[pc]
		switch in.Code & 7 {
		case unix.BPF_RET:
			if in.Code&0x18 == 0x10 { // BPF_A
				return m.a, steps, nil
			}
			return in.K, steps, nil
		case unix.BPF_JMP:
			skip, err := m.jump(in)
			if err != nil {
				return 0, steps, fmt.Errorf("instruction %d: %w", pc, err)
			}
			pc += skip
		default:
			if err := m.compute(in); err != nil {
				return 0, steps, fmt.Errorf("instruction %d: %w", pc, err)
			}
		}
	}
	return 0, steps, fmt.Errorf("ran past the last of %d instructions", len(program))
}

func (m *machine) jump(in bpf.Instruction) (skip int, err error) {
	if in.Code == bpf.Jump {
		return int(in.K), nil
	}
	operand := in.K
	if in.Code&unix.BPF_X != 0 {
		operand = m.x
	}
	var holds bool
	switch in.Code & 0xf0 {
	case unix.BPF_JEQ:
		holds = m.a == operand
	case unix.BPF_JGT:
		holds = m.a > operand
	case unix.BPF_JGE:
		holds = m.a >= operand
	case unix.BPF_JSET:
		holds = m.a&operand != 0
	default:
		return 0, fmt.Errorf("unknown jump %#x", in.Code)
	}
	if holds {
		return int(in.Jt), nil
	}
	return int(in.Jf), nil
}

func (m *machine) compute(in bpf.Instruction) (err error) {
	switch in.Code {
	case bpf.LoadWord:
		m.a, err = m.call.word(in.K)
	case unix.BPF_LD | unix.BPF_IMM:
		m.a = in.K
	case unix.BPF_LD | unix.BPF_MEM:
		m.a = m.memory[in.K%16]
	case unix.BPF_LDX | unix.BPF_IMM:
		m.x = in.K
	case unix.BPF_LDX | unix.BPF_MEM:
		m.x = m.memory[in.K%16]
	case unix.BPF_ST:
		m.memory[in.K%16] = m.a
	case unix.BPF_STX:
		m.memory[in.K%16] = m.x
	case unix.BPF_MISC | unix.BPF_TAX:
		m.x = m.a
	case unix.BPF_MISC | unix.BPF_TXA:
		m.a = m.x
	case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
		m.a &= in.K
	case unix.BPF_ALU | unix.BPF_OR | unix.BPF_K:
		m.a |= in.K
	default:
		err = fmt.Errorf("unknown instruction %#x", in.Code)
	}
	return err
}
