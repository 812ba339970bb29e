//go:build cgo

package libseccomp

import (
	"encoding/json"
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
	"github.com/tare-run/tare/libcontainer/seccomp/bpf/bpftest"
)

// What filters answer in these tests.
const (
	allow  = bpf.ReturnAllow
	eperm  = bpf.ReturnErrno | 1
	enosys = bpf.ReturnErrno | 38
)

func mustCompile(t *testing.T, profile *specs.LinuxSeccomp) ([]bpf.Instruction, []string) {
	t.Helper()
	filter, err := Compile(profile)
	if err != nil {
		t.Fatal(err)
	}
	program, err := bpf.Decode(filter.Program)
	if err != nil {
		t.Fatal(err)
	}
	return program, filter.Unknown
}

// mustAsk returns what the program answers to a native system call.
func mustAsk(t *testing.T, program []bpf.Instruction, name string, args ...uint64) uint32 {
	t.Helper()
	native, err := nativeArch()
	if err != nil {
		t.Fatal(err)
	}
	nr, err := lib.GetSyscallFromName(name)
	if err != nil || nr < 0 {
		t.Skipf("%s does not exist on this architecture", name)
	}
	call := bpftest.Call{Arch: native.audit, Number: uint32(nr)}
	copy(call.Args[:], args)
	answer, err := bpftest.Run(program, call)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func mustLoadProfile(t *testing.T, path string) *specs.LinuxSeccomp {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(text, &profile); err != nil {
		t.Fatal(err)
	}
	return &profile
}

func number(n uint) *uint { return &n }
