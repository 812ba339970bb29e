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
		if got := kernelFlags(&specs.LinuxSeccomp{Flags: row.flags}); got != row.want {
			t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
		}
	}
}

// O5, O11: a filter that notifies has a listener, and only such a one can wait for it killably.
func TestKernelFlagsOfListener(t *testing.T) {
	profile := withRule(specs.LinuxSyscall{Action: specs.ActNotify})
	profile.Flags = []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}
	want := uint32(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if got := kernelFlags(profile); got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
	byDefault := &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, Flags: []specs.LinuxSeccompFlag{}}
	if got := kernelFlags(byDefault); got != unix.SECCOMP_FILTER_FLAG_NEW_LISTENER {
		t.Errorf("by default: %#x", got)
	}
	// O12: a listenerPath that nothing uses.
	if unused := (&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/s"}); Notifies(unused) {
		t.Error("a profile without SCMP_ACT_NOTIFY has a listener")
	}
}
