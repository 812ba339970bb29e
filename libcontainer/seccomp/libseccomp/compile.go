//go:build cgo

package libseccomp

import (
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

// manyRules is from how many named system calls on the filter is a binary tree instead of a chain of comparisons. For a
// few calls the chain is shorter; and libseccomp before 2.5.4 makes a wrong tree of no rules at all (its issue 370).
const manyRules = 32

// Filter is a compiled profile.
type Filter struct {
	Program []byte   // array of struct sock_filter, native byte order
	Unknown []string // names in the profile that the library does not know on any architecture; they were ignored
}

// builder collects what is learned on the way.
type builder struct {
	filter  *lib.ScmpFilter
	def     lib.ScmpAction
	archs   []arch
	rules   int
	unknown []string
}

// Compile generates the filter of a profile.
//
// Preconditions: package seccomp has checked the profile; what is wrong here is wrong for this library only.
func Compile(profile *specs.LinuxSeccomp) (*Filter, error) {
	b, err := newBuilder(profile)
	if err != nil {
		return nil, err
	}
	defer b.filter.Release()
	for i, word := range profile.Architectures {
		if err := b.addArch(word); err != nil {
			return nil, fault.At(fault.Ptr("linux", "seccomp", "architectures", i), err)
		}
	}
	for i := range profile.Syscalls {
		if err := b.addEntry(&profile.Syscalls[i]); err != nil {
			return nil, fault.At(fault.Ptr("linux", "seccomp", "syscalls", i), err)
		}
	}
	program, err := b.program(profile)
	if err != nil {
		return nil, fault.At(fault.Ptr("linux", "seccomp"), err)
	}
	slices.Sort(b.unknown)
	return &Filter{Program: program, Unknown: slices.Compact(b.unknown)}, nil
}

func newBuilder(profile *specs.LinuxSeccomp) (*builder, error) {
	at := fault.Ptr("linux", "seccomp", "defaultAction")
	def, err := parseAction(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, fault.At(at, err)
	}
	native, err := nativeArch()
	if err != nil {
		return nil, fault.At(at, err)
	}
	filter, err := lib.NewFilter(def) // has the native architecture from the start
	if err != nil {
		return nil, fault.At(at, err)
	}
	return &builder{filter: filter, def: def, archs: []arch{native}}, nil
}

func (b *builder) addArch(word specs.Arch) error {
	a, ok := archByWord(word)
	if !ok {
		return unknownWord(string(word))
	}
	if slices.Contains(b.archs, a) {
		return nil
	}
	if !a.known() {
		return &fault.Error{Path: string(word), Err: fault.Text("not supported by libseccomp " + Version())}
	}
	err := b.filter.AddArch(a.lib)
	if errors.Is(err, unix.EDOM) {
		return &fault.Error{Path: string(word), Err: fault.Text("has another byte order than this machine"), Hint: "remove it"}
	}
	if err != nil {
		return &fault.Error{Op: "add architecture", Path: string(word), Err: err}
	}
	b.archs = append(b.archs, a)
	return nil
}

// program exports what has been added, with an answer for system calls that the profile does not know.
func (b *builder) program(profile *specs.LinuxSeccomp) ([]byte, error) {
	if b.rules > manyRules {
		// The library may be too old to make a tree (2.5.0 is needed). The chain answers the same, only later.
		_ = b.filter.SetOptimize(2)
	}
	exported, err := export(b.filter)
	if err != nil {
		return nil, &fault.Error{Op: "generate filter", Err: err}
	}
	program, err := bpf.Decode(exported)
	if err != nil {
		return nil, &fault.Error{Op: "generate filter", Err: err}
	}
	if b.def&0xffff == lib.ActErrno && b.def.GetReturnCode() != int16(unix.ENOSYS) {
		program = bpf.AnswerUnknown(program, uint16(b.def.GetReturnCode()), b.limits(profile))
	}
	if len(program) > unix.BPF_MAXINSNS {
		return nil, &fault.Error{Op: "generate filter", Err: unix.E2BIG, Hint: "name fewer architectures or system calls"}
	}
	return bpf.Encode(program), nil
}

// limits finds the highest number that the profile names on each architecture. Rules that were left out because they ask
// for the default count as well: their author knew the call.
func (b *builder) limits(profile *specs.LinuxSeccomp) []bpf.Limit {
	var limits []bpf.Limit
	for _, a := range b.archs {
		last := lib.ScmpSyscall(-1)
		for i := range profile.Syscalls {
			for _, name := range profile.Syscalls[i].Names {
				// A negative number stands for a call that the architecture lacks, or makes through socketcall(2).
				if nr, err := lib.GetSyscallFromNameByArch(name, a.lib); err == nil {
					last = max(last, nr)
				}
			}
		}
		if last >= 0 {
			limits = append(limits, bpf.Limit{Arch: a.audit, Base: a.base, Last: uint32(last), AlsoZero: a.s390()})
		}
	}
	return limits
}
