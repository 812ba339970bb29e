//go:build cgo

package libseccomp

import (
	"runtime"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
	"github.com/tare-run/tare/libcontainer/seccomp/bpf/bpftest"
)

// oracle answers as the profile reads, one call at a time, without any of the library's filter generation.
type oracle struct {
	profile *specs.LinuxSeccomp
	last    int // highest number that the profile names, in this ABI
}

func newOracle(profile *specs.LinuxSeccomp, a arch) oracle {
	o := oracle{profile: profile}
	for _, entry := range profile.Syscalls {
		for _, name := range entry.Names {
			if nr, err := lib.GetSyscallFromNameByArch(name, a.lib); err == nil {
				o.last = max(o.last, int(nr))
			}
		}
	}
	return o
}

func (o oracle) answer(name string, nr int, args [6]uint64) uint32 {
	for _, entry := range o.profile.Syscalls {
		if name != "" && slices.Contains(entry.Names, name) && holds(entry.Args, args) {
			if entry.Action == specs.ActErrno {
				return bpf.ReturnErrno | uint32(*entry.ErrnoRet)
			}
			return allow
		}
	}
	if nr > o.last {
		return enosys
	}
	return eperm
}

// holds knows the three operators of the profile under test.
func holds(conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	for _, c := range conditions {
		value, ok := args[c.Index], false
		switch c.Op {
		case specs.OpNotEqual:
			ok = value != c.Value
		case specs.OpEqualTo:
			ok = value == c.Value
		case specs.OpMaskedEqual:
			ok = value&c.Value == c.ValueTwo
		}
		if !ok {
			return false
		}
	}
	return true
}

// The default profile of Docker, in its size and shape, asked about every system call of three ABIs and about numbers that
// no kernel has yet, with arguments on both sides of its conditions (O1, O2, O4, O6, O7, O8, O9).
func TestDockerDefault(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the profile is the one for amd64")
	}
	profile := mustLoadProfile(t, "../testdata/docker-default.json")
	program, unknown := mustCompile(t, profile)
	if slices.Contains(unknown, "read") {
		t.Errorf("read is unknown")
	}
	arguments := [][6]uint64{
		{}, {8}, {9}, {40}, {41}, {0x20000}, {0x20008}, {0xffffffff}, {unix.CLONE_NEWUSER}, {unix.CLONE_NEWNS | uint64(unix.SIGCHLD)},
		{unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD)}, {1 << 32}, {40 | 1<<32}, {0, 40}, {^uint64(0)},
	}
	for _, a := range []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32} {
		abi, _ := archByWord(a)
		o := newOracle(profile, abi)
		wrong := 0
		for n := range 1024 {
			nr := n + int(abi.base)
			name, _ := lib.ScmpSyscall(nr).GetNameByArch(abi.lib)
			for _, args := range arguments {
				if a != specs.ArchX86_64 && args[0]>>32 != 0 {
					continue // a program with 32-bit registers or longs has no such arguments
				}
				got, err := bpftest.Run(program, bpftest.Call{Arch: abi.audit, Number: uint32(nr), Args: args})
				if err != nil {
					t.Fatal(err)
				}
				if want := o.answer(name, nr, args); got != want && wrong < 20 {
					wrong++
					t.Errorf("%s %d %q %#x: answer %#x, want %#x", a, n, name, args[0], got, want)
				}
			}
		}
	}
	t.Logf("%d instructions, unknown %q", len(program), unknown)
}

// A large profile is a tree: no call costs more than a few comparisons, whatever its number (O9).
func TestLargeProfileIsTree(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the profile is the one for amd64")
	}
	program, _ := mustCompile(t, mustLoadProfile(t, "../testdata/docker-default.json"))
	for nr := range uint32(512) {
		_, steps, err := bpftest.RunCounted(program, bpftest.Call{Arch: unix.AUDIT_ARCH_X86_64, Number: nr})
		if err != nil {
			t.Fatal(err)
		}
		if steps > 40 {
			t.Errorf("call %d takes %d instructions", nr, steps)
		}
	}
}

// An architecture outside the profile is killed, whatever the default (O4).
func TestOtherArchitectureIsKilled(t *testing.T) {
	program, _ := mustCompile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow})
	native, err := nativeArch()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range archs {
		if a.audit == native.audit {
			continue
		}
		got, err := bpftest.Run(program, bpftest.Call{Arch: a.audit, Number: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got != bpf.ReturnKillThread {
			t.Errorf("%s: answer %#x, want %#x", a.word, got, bpf.ReturnKillThread)
		}
	}
}
