//go:build cgo

package libseccomp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

// Actions and their numbers (O2, O3).
func TestActions(t *testing.T) {
	for _, row := range []struct {
		name   string
		action specs.LinuxSeccompAction
		errno  *uint
		want   uint32
	}{
		{"kill", specs.ActKill, nil, bpf.ReturnKillThread},
		{"kill thread", specs.ActKillThread, nil, bpf.ReturnKillThread},
		{"kill process", specs.ActKillProcess, nil, bpf.ReturnKillProcess},
		{"trap", specs.ActTrap, nil, bpf.ReturnTrap},
		{"errno, default", specs.ActErrno, nil, eperm},
		{"errno, given", specs.ActErrno, number(uint(unix.EACCES)), bpf.ReturnErrno | uint32(unix.EACCES)},
		{"errno, none", specs.ActErrno, number(0), bpf.ReturnErrno},
		{"errno, highest", specs.ActErrno, number(4094), bpf.ReturnErrno | 4094},
		{"trace, default", specs.ActTrace, nil, bpf.ReturnTrace | 1},
		{"trace, highest", specs.ActTrace, number(0xffff), bpf.ReturnTrace | 0xffff},
		{"log", specs.ActLog, nil, bpf.ReturnLog},
		{"allow", specs.ActAllow, nil, allow},
	} {
		t.Run(row.name, func(t *testing.T) {
			asRule, _ := mustCompile(t, &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"mkdirat"}, Action: row.action, ErrnoRet: row.errno}},
			})
			if got := mustAsk(t, asRule, "mkdirat"); got != row.want {
				t.Errorf("as a rule: answer %#x, want %#x", got, row.want)
			}
			if got := mustAsk(t, asRule, "unlinkat"); got != allow {
				t.Errorf("without a rule: answer %#x", got)
			}
			asDefault, _ := mustCompile(t, &specs.LinuxSeccomp{
				DefaultAction: row.action, DefaultErrnoRet: row.errno,
				Syscalls: []specs.LinuxSyscall{{Names: []string{"openat2"}, Action: specs.ActAllow}},
			})
			if got := mustAsk(t, asDefault, "mkdirat"); got != row.want {
				t.Errorf("as the default: answer %#x, want %#x", got, row.want)
			}
		})
	}
}

// The seven operators, on both sides of the border and across the two 32-bit halves that a filter compares one by one (O6).
func TestOperators(t *testing.T) {
	const border = 5<<32 | 7
	below, above, otherHalf, equal := uint64(border-1), uint64(border+1), uint64(7), uint64(border)
	for _, row := range []struct {
		op      specs.LinuxSeccompOperator
		two     uint64
		matches []uint64
	}{
		{specs.OpNotEqual, 0, []uint64{below, above, otherHalf}},
		{specs.OpLessThan, 0, []uint64{below, otherHalf}},
		{specs.OpLessEqual, 0, []uint64{below, otherHalf, equal}},
		{specs.OpEqualTo, 0, []uint64{equal}},
		{specs.OpGreaterEqual, 0, []uint64{equal, above}},
		{specs.OpGreaterThan, 0, []uint64{above}},
		// The mask keeps bits 0 to 2, 32 and 34; above is 5<<32|8.
		{specs.OpMaskedEqual, 5 << 32, []uint64{above}},
		{specs.OpMaskedEqual, border, []uint64{equal}},
		{specs.OpMaskedEqual, 7, []uint64{otherHalf}},
	} {
		for _, index := range []uint{0, 5} {
			program, _ := mustCompile(t, &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls: []specs.LinuxSyscall{{
					Names: []string{"umask"}, Action: specs.ActErrno,
					Args: []specs.LinuxSeccompArg{{Index: index, Value: border, ValueTwo: row.two, Op: row.op}},
				}},
			})
			for _, value := range []uint64{below, equal, above, otherHalf} {
				want := uint32(allow)
				if slices.Contains(row.matches, value) {
					want = eperm
				}
				args := make([]uint64, 6)
				args[index] = value
				if got := mustAsk(t, program, "umask", args...); got != want {
					t.Errorf("%s, argument %d is %#x, two is %#x: answer %#x, want %#x", row.op, index, value, row.two, got, want)
				}
			}
		}
	}
}

// How conditions and rules combine (O6).
func TestCombinations(t *testing.T) {
	arg := func(index uint, value uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Value: value, Op: specs.OpEqualTo}
	}
	rule := func(action specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{"umask"}, Action: action, Args: args}
	}
	for _, row := range []struct {
		name  string
		def   specs.LinuxSeccompAction
		rules []specs.LinuxSyscall
		args  []uint64
		want  uint32
	}{
		{"both hold", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(1, 2))}, []uint64{1, 2}, eperm},
		{"first holds", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(1, 2))}, []uint64{1, 3}, allow},
		{"second holds", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(1, 2))}, []uint64{3, 2}, allow},
		{"same index, first", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(0, 2))}, []uint64{1}, eperm},
		{"same index, second", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(0, 2))}, []uint64{2}, eperm},
		{"same index, neither", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(0, 2))}, []uint64{3}, allow},
		{"same index and another one: all are alternatives", specs.ActAllow,
			[]specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1), arg(0, 2), arg(1, 9))}, []uint64{3, 9}, eperm},
		{"two entries", specs.ActAllow,
			[]specs.LinuxSyscall{rule(specs.ActErrno, arg(0, 1)), rule(specs.ActTrap, arg(0, 2))}, []uint64{2}, bpf.ReturnTrap},
		{"entry twice", specs.ActAllow, []specs.LinuxSyscall{rule(specs.ActErrno), rule(specs.ActErrno)}, nil, eperm},
		{"condition and none", specs.ActErrno,
			[]specs.LinuxSyscall{rule(specs.ActAllow, arg(0, 1)), rule(specs.ActAllow)}, []uint64{7}, allow},
		{"equal to the default", specs.ActErrno,
			[]specs.LinuxSyscall{rule(specs.ActErrno), rule(specs.ActAllow, arg(0, 1))}, []uint64{1}, allow},
		{"name twice in one entry", specs.ActAllow,
			[]specs.LinuxSyscall{{Names: []string{"umask", "umask"}, Action: specs.ActErrno}}, nil, eperm},
	} {
		t.Run(row.name, func(t *testing.T) {
			program, _ := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: row.def, Syscalls: row.rules})
			if got := mustAsk(t, program, "umask", row.args...); got != row.want {
				t.Errorf("answer %#x, want %#x", got, row.want)
			}
		})
	}
}

// System calls above what the profile names, by default action (O8).
func TestUnknownCalls(t *testing.T) {
	for _, row := range []struct {
		name  string
		def   specs.LinuxSeccompAction
		errno *uint
		want  uint32
	}{
		{"errno", specs.ActErrno, nil, enosys},
		{"errno, given", specs.ActErrno, number(13), enosys},
		{"errno, already that one", specs.ActErrno, number(38), enosys},
		{"kill stays kill", specs.ActKillProcess, nil, bpf.ReturnKillProcess},
		{"trap stays trap", specs.ActTrap, nil, bpf.ReturnTrap},
		{"trace stays trace", specs.ActTrace, nil, bpf.ReturnTrace | 1},
		{"allow stays allow", specs.ActAllow, nil, allow},
	} {
		t.Run(row.name, func(t *testing.T) {
			rules := []specs.LinuxSyscall{{Names: []string{"umask", "landlock_create_ruleset"}, Action: specs.ActLog}}
			program, _ := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: row.def, DefaultErrnoRet: row.errno, Syscalls: rules})
			if got := mustAsk(t, program, "memfd_secret"); got != row.want {
				t.Errorf("above: answer %#x, want %#x", got, row.want)
			}
			if got := mustAsk(t, program, "landlock_create_ruleset"); got != bpf.ReturnLog {
				t.Errorf("the highest: answer %#x", got)
			}
		})
	}
	t.Run("a rule that asks for the default counts", func(t *testing.T) {
		rules := []specs.LinuxSyscall{{Names: []string{"memfd_secret"}, Action: specs.ActErrno}}
		program, _ := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: rules})
		if got := mustAsk(t, program, "memfd_secret"); got != eperm {
			t.Errorf("answer %#x, want %#x", got, eperm)
		}
	})
}

// Names that no architecture has are ignored and reported; those of other architectures are neither (O7).
func TestUnknownNames(t *testing.T) {
	rules := []specs.LinuxSyscall{
		{Names: []string{"no_such_call", "umask", "another"}, Action: specs.ActErrno},
		{Names: []string{"no_such_call", "chown32"}, Action: specs.ActAllow},
	}
	program, unknown := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: rules})
	if want := []string{"another", "no_such_call"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown %q, want %q", unknown, want)
	}
	if got := mustAsk(t, program, "umask"); got != eperm {
		t.Errorf("answer %#x, want %#x", got, eperm)
	}
}

// What only the library can refuse, with its place.
func TestRefused(t *testing.T) {
	native, err := nativeArch()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		profile specs.LinuxSeccomp
		pointer string
	}{
		{"architecture", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{native.word, "SCMP_ARCH_Z80"}},
			"/linux/seccomp/architectures/1"},
		{"other byte order", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchS390X, specs.ArchX86}},
			"/linux/seccomp/architectures/"},
		{"action", specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_JUMP"}, "/linux/seccomp/defaultAction"},
		{"operator", specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{
			Names: []string{"umask"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Op: "SCMP_CMP_MAYBE"}}}}},
			"/linux/seccomp/syscalls/0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Compile(&row.profile)
			var f *fault.Error
			if !errors.As(err, &f) || !strings.HasPrefix(f.Pointer, row.pointer) {
				t.Errorf("error %v, want one at %s", err, row.pointer)
			}
		})
	}
}
