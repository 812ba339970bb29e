package seccomp

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// O5.
func TestKernelFlags(t *testing.T) {
	for _, row := range []struct {
		name  string
		flags []specs.LinuxSeccompFlag
		want  uint32
	}{
		{"absent", nil, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{"empty", []specs.LinuxSeccompFlag{}, 0},
		{"log", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, unix.SECCOMP_FILTER_FLAG_LOG},
		{"spec allow", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagSpecAllow}, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{"tsync", []specs.LinuxSeccompFlag{flagTsync}, 0},
		{"wait killable without a listener", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}, 0},
		{"log, twice, and spec allow", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagLog},
			unix.SECCOMP_FILTER_FLAG_LOG | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	} {
		if got := kernelFlags(row.flags); got != row.want {
			t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
		}
	}
}
