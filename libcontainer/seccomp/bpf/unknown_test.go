package bpf_test

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
	"github.com/tare-run/tare/libcontainer/seccomp/bpf/bpftest"
)

const (
	eperm  = bpf.ReturnErrno | uint32(unix.EPERM)
	enosys = bpf.ReturnErrno | uint32(unix.ENOSYS)
	killed = bpf.ReturnKillThread
)

// program is the shape of what libseccomp makes: numbers 5 and 500 are allowed, others get the default, which is returned in
// two places; s390x has a section of its own, other architectures but x86_64 and arm are killed.
var program = []bpf.Instruction{
	{Code: bpf.LoadWord, K: bpf.OffsetArch},
	{Code: bpf.JumpEqual, Jt: 4, K: unix.AUDIT_ARCH_X86_64},
	{Code: bpf.JumpEqual, Jt: 3, K: unix.AUDIT_ARCH_ARM},
	{Code: bpf.JumpEqual, Jt: 1, K: unix.AUDIT_ARCH_S390X},
	{Code: bpf.Return, K: killed},
	{Code: bpf.Return, K: eperm},
	{Code: bpf.LoadWord, K: bpf.OffsetNumber},
	{Code: bpf.JumpEqual, Jt: 2, K: 5},
	{Code: bpf.JumpEqual, Jt: 1, K: 500},
	{Code: bpf.Return, K: eperm},
	{Code: bpf.Return, K: bpf.ReturnAllow},
}

// O8: what changes, and above all what does not.
func TestAnswerUnknown(t *testing.T) {
	const x32 = 0x40000000
	patched := bpf.AnswerUnknown(program, uint16(unix.EPERM), []bpf.Limit{
		{Arch: unix.AUDIT_ARCH_X86_64, Last: 10},
		{Arch: unix.AUDIT_ARCH_S390X, Last: 20, AlsoZero: true},
		{Arch: unix.AUDIT_ARCH_X86_64, Base: x32, Last: x32 + 7},
	})
	for _, row := range []struct {
		name         string
		arch, number uint32
		want         uint32
	}{
		{"allowed", unix.AUDIT_ARCH_X86_64, 5, bpf.ReturnAllow},
		{"allowed above the limit", unix.AUDIT_ARCH_X86_64, 500, bpf.ReturnAllow},
		{"below", unix.AUDIT_ARCH_X86_64, 9, eperm},
		{"zero", unix.AUDIT_ARCH_X86_64, 0, eperm},
		{"the last", unix.AUDIT_ARCH_X86_64, 10, eperm},
		{"above", unix.AUDIT_ARCH_X86_64, 11, enosys},
		{"below the second base", unix.AUDIT_ARCH_X86_64, x32 - 1, enosys},
		{"x32 base", unix.AUDIT_ARCH_X86_64, x32, eperm},
		{"x32 last", unix.AUDIT_ARCH_X86_64, x32 + 7, eperm},
		{"x32 above", unix.AUDIT_ARCH_X86_64, x32 + 8, enosys},
		{"minus one", unix.AUDIT_ARCH_X86_64, 0xffffffff, enosys},
		{"s390 below", unix.AUDIT_ARCH_S390X, 19, eperm},
		{"s390 above", unix.AUDIT_ARCH_S390X, 21, enosys},
		{"s390 call 0 stands for all new ones", unix.AUDIT_ARCH_S390X, 0, enosys},
		{"no limit known", unix.AUDIT_ARCH_ARM, 1000, eperm},
		{"architecture not in the filter", unix.AUDIT_ARCH_MIPS, 1000, killed},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := bpftest.Run(patched, bpftest.Call{Arch: row.arch, Number: row.number})
			if err != nil {
				t.Fatal(err)
			}
			if got != row.want {
				t.Errorf("answer %#x, want %#x", got, row.want)
			}
		})
	}
}

// A limit of the upper ABI alone must not let the number be compared with the next architecture.
func TestAnswerUnknownUpperBaseOnly(t *testing.T) {
	patched := bpf.AnswerUnknown(program, uint16(unix.EPERM), []bpf.Limit{
		{Arch: unix.AUDIT_ARCH_X86_64, Base: 0x40000000, Last: 0x40000007},
		{Arch: unix.AUDIT_ARCH_S390X, Last: 20},
	})
	for number, want := range map[uint32]uint32{6: eperm, unix.AUDIT_ARCH_S390X: enosys, 0x3fffffff: eperm} {
		got, err := bpftest.Run(patched, bpftest.Call{Arch: unix.AUDIT_ARCH_X86_64, Number: number})
		if err != nil || got != want {
			t.Errorf("number %#x: answer %#x, %v; want %#x", number, got, err, want)
		}
	}
}

func TestAnswerUnknownKeepsInput(t *testing.T) {
	before := slices.Clone(program)
	bpf.AnswerUnknown(program, uint16(unix.EPERM), []bpf.Limit{{Arch: unix.AUDIT_ARCH_ARM, Last: 1}})
	if !slices.Equal(before, program) {
		t.Error("the program that was passed in has changed")
	}
}

func TestEncoding(t *testing.T) {
	encoded := bpf.Encode(program)
	if len(encoded) != len(program)*bpf.InstructionSize {
		t.Errorf("%d bytes for %d instructions", len(encoded), len(program))
	}
	decoded, err := bpf.Decode(encoded)
	if err != nil || !slices.Equal(decoded, program) {
		t.Errorf("decoded %v, %v", decoded, err)
	}
	if again := bpf.Encode(decoded); !bytes.Equal(again, encoded) {
		t.Error("encoding twice gives another program")
	}
	for _, b := range [][]byte{nil, encoded[:7], encoded[:9]} {
		if _, err := bpf.Decode(b); err == nil {
			t.Errorf("%d bytes are taken for a program", len(b))
		}
	}
}
