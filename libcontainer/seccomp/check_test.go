package seccomp

import (
	"errors"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

func number(n uint) *uint { return &n }

// withRule is a profile with one rule for umask.
func withRule(rule specs.LinuxSyscall) *specs.LinuxSeccomp {
	if rule.Names == nil {
		rule.Names = []string{"umask"}
	}
	return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{rule}}
}

// What is refused, and where (O2 to O6, O12).
func TestCheck(t *testing.T) {
	for _, row := range []struct {
		name    string
		profile *specs.LinuxSeccomp
		want    string // empty: fine
	}{
		{"smallest", &specs.LinuxSeccomp{DefaultAction: specs.ActKill}, ""},
		{"no default action", &specs.LinuxSeccomp{}, "/linux/seccomp/defaultAction"},
		{"unknown default action", &specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_PANIC"}, "/linux/seccomp/defaultAction"},
		{"default errno", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(38)}, ""},
		{"default errno of kill", &specs.LinuxSeccomp{DefaultAction: specs.ActKill, DefaultErrnoRet: number(1)},
			"/linux/seccomp/defaultErrnoRet"},
		{"notify by default", &specs.LinuxSeccomp{DefaultAction: specs.ActNotify}, "/linux/seccomp/defaultAction"},
		{"known architecture", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchSHEB}}, ""},
		{"unknown architecture", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86, "amd64"}},
			"/linux/seccomp/architectures/1"},
		{"unknown flag", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_NEW_LISTENER"}},
			"/linux/seccomp/flags/0"},
		{"listener", &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: "/run/agent", ListenerMetadata: "x"}, ""},
		{"relative listener", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "agent"}, "/linux/seccomp/listenerPath"},
		{"errno of notify", &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, DefaultErrnoRet: number(1), ListenerPath: "/run/agent"},
			"/linux/seccomp/defaultErrnoRet"},
		{"metadata alone", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerMetadata: "x"}, "/linux/seccomp/listenerMetadata"},

		{"no names", withRule(specs.LinuxSyscall{Names: []string{}, Action: specs.ActErrno}), "/linux/seccomp/syscalls/0/names"},
		{"empty name", withRule(specs.LinuxSyscall{Names: []string{"umask", ""}, Action: specs.ActErrno}), "/linux/seccomp/syscalls/0/names/1"},
		{"name that C would cut", withRule(specs.LinuxSyscall{Names: []string{"umask\x00x"}, Action: specs.ActErrno}),
			"/linux/seccomp/syscalls/0/names/0"},
		{"unknown name", withRule(specs.LinuxSyscall{Names: []string{"no_such_call"}, Action: specs.ActErrno}), ""},
		{"no action", withRule(specs.LinuxSyscall{}), "/linux/seccomp/syscalls/0/action"},
		{"notify", withRule(specs.LinuxSyscall{Action: specs.ActNotify}), "/linux/seccomp/syscalls/0/action"},
		{"errno of errno", withRule(specs.LinuxSyscall{Action: specs.ActErrno, ErrnoRet: number(4094)}), ""},
		{"errno too large", withRule(specs.LinuxSyscall{Action: specs.ActErrno, ErrnoRet: number(4095)}), "/linux/seccomp/syscalls/0/errnoRet"},
		{"errno of trace", withRule(specs.LinuxSyscall{Action: specs.ActTrace, ErrnoRet: number(65535)}), ""},
		{"data too large", withRule(specs.LinuxSyscall{Action: specs.ActTrace, ErrnoRet: number(65536)}), "/linux/seccomp/syscalls/0/errnoRet"},
		{"errno of allow", withRule(specs.LinuxSyscall{Action: specs.ActAllow, ErrnoRet: number(0)}), "/linux/seccomp/syscalls/0/errnoRet"},
		{"errno of log", withRule(specs.LinuxSyscall{Action: specs.ActLog, ErrnoRet: number(1)}), "/linux/seccomp/syscalls/0/errnoRet"},
		{"errno of trap", withRule(specs.LinuxSyscall{Action: specs.ActTrap, ErrnoRet: number(1)}), "/linux/seccomp/syscalls/0/errnoRet"},
		{"last argument", withRule(specs.LinuxSyscall{Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 5, Op: specs.OpEqualTo}}}), ""},
		{"seventh argument", withRule(specs.LinuxSyscall{Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 6, Op: specs.OpEqualTo}}}),
			"/linux/seccomp/syscalls/0/args/0/index"},
		{"no operator", withRule(specs.LinuxSyscall{Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{}}}), "/linux/seccomp/syscalls/0/args/0/op"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := Check(row.profile)
			if row.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if pointers := pointersOf(err); !slices.Equal(pointers, []string{row.want}) {
				t.Errorf("problems at %q, want one at %q", pointers, row.want)
			}
		})
	}
}

func pointersOf(err error) []string {
	var pointers []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			var f *fault.Error
			if errors.As(one, &f) {
				pointers = append(pointers, f.Pointer)
			}
		}
	}
	return pointers
}

// All problems are reported at once.
func TestCheckReportsAll(t *testing.T) {
	err := Check(&specs.LinuxSeccomp{
		DefaultAction: "x", ListenerMetadata: "x",
		Syscalls: []specs.LinuxSyscall{{Names: []string{"umask"}, Action: specs.ActNotify}},
	})
	if n := len(pointersOf(err)); n != 3 {
		t.Errorf("%d problems, want 3: %v", n, err)
	}
	if !strings.Contains(err.Error(), `config.json /linux/seccomp/syscalls/0/action: "SCMP_ACT_NOTIFY": needs listenerPath`) {
		t.Errorf("unclear: %v", err)
	}
}
