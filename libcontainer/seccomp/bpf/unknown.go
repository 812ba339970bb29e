package bpf

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"
)

// Limit says how far the author of a profile knew the system calls of one architecture.
type Limit struct {
	Arch uint32 // AUDIT_ARCH_*, as in struct seccomp_data
	Base uint32 // first number of the ABI; not zero where two share an architecture: x32 starts at 0x40000000
	Last uint32 // highest number that the profile names
	// AlsoZero is for s390: the C library makes calls above 255 through number 0, and a kernel that does not know the call
	// shows 0 to the filter.
	AlsoZero bool
}

// AnswerUnknown makes a program return ENOSYS instead of its default errno for system calls above the limits.
//
// A C library tries a new system call and falls back to an old one on ENOSYS. A profile written before the new call existed
// answers with its default, EPERM, and the program fails for no reason its user can see.
//
// Every return of the default becomes a jump to a block at the end that looks at the number once more. The length of what
// was there does not change, so no other jump does either; rules keep precedence, and a call that some rule allows does not
// pay an instruction for this. Architectures without a limit keep the default.
func AnswerUnknown(program []Instruction, defaultErrno uint16, limits []Limit) []Instruction {
	def := uint32(ReturnErrno | uint32(defaultErrno))
	patched := slices.Clone(program)
	for i, in := range patched {
		if in.Code == Return && in.K == def {
			patched[i] = Instruction{Code: Jump, K: uint32(len(program) - i - 1)}
		}
	}
	return append(patched, answerBlock(def, limits)...)
}

// answerBlock is: load arch; for each architecture, if it is this one, its section; return the default.
func answerBlock(def uint32, limits []Limit) []Instruction {
	limits = slices.Clone(limits)
	slices.SortFunc(limits, func(a, b Limit) int { // within one architecture the highest base is tested first
		return cmp.Or(cmp.Compare(a.Arch, b.Arch), cmp.Compare(b.Base, a.Base))
	})
	block := []Instruction{{Code: LoadWord, K: OffsetArch}}
	for len(limits) > 0 {
		n := 1
		for n < len(limits) && limits[n].Arch == limits[0].Arch {
			n++
		}
		section := answerSection(def, limits[:n])
		block = append(block, Instruction{Code: JumpEqual, Jf: uint8(len(section)), K: limits[0].Arch})
		block = append(block, section...)
		limits = limits[n:]
	}
	return append(block, Instruction{Code: Return, K: def})
}

// answerSection returns for every number of one architecture: it has replaced the architecture in the accumulator, so
// nothing after it could compare that.
func answerSection(def uint32, limits []Limit) []Instruction {
	section := []Instruction{{Code: LoadWord, K: OffsetNumber}}
	for _, l := range limits {
		var abi []Instruction
		if l.AlsoZero {
			abi = append(abi, Instruction{Code: JumpEqual, Jt: 1, K: 0})
		}
		abi = append(abi,
			Instruction{Code: JumpGreater, Jf: 1, K: l.Last},
			Instruction{Code: Return, K: ReturnErrno | uint32(unix.ENOSYS)},
			Instruction{Code: Return, K: def})
		if l.Base > 0 {
			section = append(section, Instruction{Code: JumpAtLeast, Jf: uint8(len(abi)), K: l.Base})
		}
		section = append(section, abi...)
	}
	if limits[len(limits)-1].Base > 0 {
		section = append(section, Instruction{Code: Return, K: def})
	}
	return section
}
