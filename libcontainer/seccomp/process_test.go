//go:build cgo

package seccomp

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// noFd is a descriptor that nobody has, so that a call that is let through changes nothing.
const noFd = 1 << 20

// Actions that leave the process alive, seen by it (O2, O3).
func TestActionsOnProcess(t *testing.T) {
	mkdirat := probeCall{Number: unix.SYS_MKDIRAT, Args: [6]uintptr{noFd}}
	for _, row := range []struct {
		name   string
		action specs.LinuxSeccompAction
		errno  *uint
		want   unix.Errno
	}{
		{"allow", specs.ActAllow, nil, unix.EFAULT}, // the kernel's own answer to a null path
		{"log allows", specs.ActLog, nil, unix.EFAULT},
		{"errno, default", specs.ActErrno, nil, unix.EPERM},
		{"errno, given", specs.ActErrno, number(uint(unix.EXFULL)), unix.EXFULL},
		{"errno, none", specs.ActErrno, number(0), 0},
		{"trace without a tracer", specs.ActTrace, nil, unix.ENOSYS}, // seccomp(2), SECCOMP_RET_TRACE
	} {
		t.Run(row.name, func(t *testing.T) {
			profile := withRule(specs.LinuxSyscall{Names: []string{"mkdirat"}, Action: row.action, ErrnoRet: row.errno})
			result := mustProbe(t, profile, probeOrder{Calls: []probeCall{mkdirat, {Number: unix.SYS_GETPID}}})
			if want := []unix.Errno{row.want, 0}; !slices.Equal(result.Errnos, want) {
				t.Errorf("errnos %v, want %v", result.Errnos, want)
			}
		})
	}
}

// Actions that end it, seen by its parent (O2).
func TestDeadlyActions(t *testing.T) {
	for _, action := range []specs.LinuxSeccompAction{specs.ActKill, specs.ActKillThread, specs.ActKillProcess, specs.ActTrap} {
		t.Run(string(action), func(t *testing.T) {
			profile := withRule(specs.LinuxSyscall{Names: []string{"mkdir", "mkdirat"}, Action: action})
			directory := t.TempDir() + "/made"
			_, stderr, err := startProbe(t, profile, probeOrder{Exec: []string{"/bin/mkdir", directory}})
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("mkdir survived: %v", err)
			}
			status := exit.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != unix.SIGSYS {
				t.Errorf("ended by %v, want SIGSYS: %s", exit, stderr)
			}
			if _, err := os.Stat(directory); err == nil {
				t.Error("the directory was made")
			}
		})
	}
}

// The difference between killing a thread and killing its process (O2).
func TestKillThreadAndProcess(t *testing.T) {
	order := probeOrder{Thread: true, Calls: []probeCall{{Number: unix.SYS_MKDIRAT, Args: [6]uintptr{noFd}}}}
	for _, action := range []specs.LinuxSeccompAction{specs.ActKill, specs.ActKillThread} {
		result := mustProbe(t, withRule(specs.LinuxSyscall{Names: []string{"mkdirat"}, Action: action}), order)
		if !result.Died {
			t.Errorf("%s: the thread lives", action)
		}
	}
	_, _, err := startProbe(t, withRule(specs.LinuxSyscall{Names: []string{"mkdirat"}, Action: specs.ActKillProcess}), order)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("%s: %v, want death by SIGSYS", specs.ActKillProcess, err)
	}
}

// The operators once more, evaluated by the kernel (O6).
func TestOperatorsOnProcess(t *testing.T) {
	ops := map[specs.LinuxSeccompOperator][3]bool{ // holds for 5, 6, 7 compared with 6
		specs.OpNotEqual:     {true, false, true},
		specs.OpLessThan:     {true, false, false},
		specs.OpLessEqual:    {true, true, false},
		specs.OpEqualTo:      {false, true, false},
		specs.OpGreaterEqual: {false, true, true},
		specs.OpGreaterThan:  {false, false, true},
		specs.OpMaskedEqual:  {false, true, true}, // 6 is the mask and the datum: bits 1 and 2 are set in 6 and 7
	}
	if len(ops) != len(Operators()) {
		t.Errorf("%d operators, the table of the package has %d", len(ops), len(Operators()))
	}
	for op, holds := range ops {
		profile := withRule(specs.LinuxSyscall{
			Names: []string{"fchmod"}, Action: specs.ActErrno, ErrnoRet: number(uint(unix.EXFULL)),
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: noFd, Op: specs.OpEqualTo}, {Index: 1, Value: 6, ValueTwo: 6, Op: op}},
		})
		var calls []probeCall
		want := make([]unix.Errno, 3)
		for i := range want {
			calls = append(calls, probeCall{Number: unix.SYS_FCHMOD, Args: [6]uintptr{noFd, uintptr(5 + i)}})
			want[i] = unix.EBADF
			if holds[i] {
				want[i] = unix.EXFULL
			}
		}
		if result := mustProbe(t, profile, probeOrder{Calls: calls}); !slices.Equal(result.Errnos, want) {
			t.Errorf("%s: errnos %v, want %v", op, result.Errnos, want)
		}
	}
}

// The default profile of Docker around real calls and around a real program (O1, O8).
func TestDockerDefaultOnProcess(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the profile is the one for amd64")
	}
	profile := mustLoadProfile(t)
	result := mustProbe(t, profile, probeOrder{Calls: []probeCall{
		{Number: unix.SYS_GETPID},
		{Number: unix.SYS_PERSONALITY, Args: [6]uintptr{0xffffffff}},
		{Number: unix.SYS_PERSONALITY, Args: [6]uintptr{0x10000}},
		{Number: unix.SYS_SOCKET, Args: [6]uintptr{unix.AF_VSOCK}},
		{Number: unix.SYS_UNSHARE, Args: [6]uintptr{unix.CLONE_NEWNS}},
		{Number: unix.SYS_SWAPON},
		{Number: unix.SYS_CLONE3},
		{Number: unix.SYS_LSM_LIST_MODULES}, // Linux 6.8, younger than any call of the profile that the library knows
	}})
	want := []unix.Errno{0, 0, unix.EPERM, unix.EPERM, unix.EPERM, unix.EPERM, unix.ENOSYS, unix.ENOSYS}
	if !slices.Equal(result.Errnos, want) {
		t.Errorf("errnos %v, want %v", result.Errnos, want)
	}
	stdout, stderr, err := startProbe(t, profile, probeOrder{Exec: []string{"/bin/sh", "-c", "ls / | wc -l; unshare --user true"}})
	if err == nil || !strings.Contains(stderr, "Operation not permitted") {
		t.Errorf("unshare was not refused: %v, %q", err, stderr)
	}
	if strings.TrimSpace(string(stdout)) == "" {
		t.Errorf("sh printed nothing: %q", stderr)
	}
}

// Each accepted flag loads, alone and with the others (O5).
func TestFlagsOnProcess(t *testing.T) {
	var all []specs.LinuxSeccompFlag
	lists := [][]specs.LinuxSeccompFlag{nil, {}}
	for _, flag := range SupportedFlags() {
		all = append(all, specs.LinuxSeccompFlag(flag))
		lists = append(lists, []specs.LinuxSeccompFlag{specs.LinuxSeccompFlag(flag)})
	}
	for _, flags := range append(lists, all) {
		profile := withRule(specs.LinuxSyscall{Action: specs.ActErrno})
		profile.Flags = flags
		result := mustProbe(t, profile, probeOrder{Calls: []probeCall{{Number: unix.SYS_UMASK}}})
		if !slices.Equal(result.Errnos, []unix.Errno{unix.EPERM}) {
			t.Errorf("flags %q: errnos %v", flags, result.Errnos)
		}
	}
}
