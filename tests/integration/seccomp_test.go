package integration

import (
	"encoding/json"
	"fmt"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// withSeccomp sets the profile. It skips where the binary was built without libseccomp.
func withSeccomp(t *testing.T, profile specs.LinuxSeccomp) option {
	t.Helper()
	var f features.Features
	run(t, "features").decode(&f)
	enabled := f.Linux != nil && f.Linux.Seccomp != nil && f.Linux.Seccomp.Enabled != nil && *f.Linux.Seccomp.Enabled
	skipUnless(t, enabled, "the binary was built without libseccomp")
	return withLinux(func(l *specs.Linux) { l.Seccomp = &profile })
}

func syscallRule(action specs.LinuxSeccompAction, errno *uint, names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: action, ErrnoRet: errno}
}

// O2 O3: what a profile does to a system call of the program: errno, and the end of the process.
func TestSeccompActions(t *testing.T) {
	for _, test := range []struct {
		name   string
		rule   specs.LinuxSyscall
		stdout string
		status int
	}{
		{"errno", syscallRule(specs.ActErrno, nil, "mkdir", "mkdirat"), "mkdir: can't create directory '/x': Operation not permitted\n", 1},
		{"errnoRet", syscallRule(specs.ActErrno, new(uint(28)), "mkdir", "mkdirat"), "mkdir: can't create directory '/x': No space left on device\n", 1},
		{"another call", syscallRule(specs.ActErrno, nil, "chroot"), "", 0},
		{"log", syscallRule(specs.ActLog, nil, "mkdir", "mkdirat"), "", 0},
		{"kill", syscallRule(specs.ActKillProcess, nil, "mkdir", "mkdirat"), "", 128 + 31},
		{"unknown name", syscallRule(specs.ActErrno, nil, "nosuch_call", "chroot"), "", 0}, // O7
	} {
		for _, noNewPrivileges := range []bool{true, false} { // O10: the two orders of loading
			t.Run(fmt.Sprintf("%s, no_new_privs %v", test.name, noNewPrivileges), func(t *testing.T) {
				b := newBundle(t, withArgs("busybox", "mkdir", "/x"),
					withSeccomp(t, specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{test.rule}}))
				b.spec.Process.NoNewPrivileges = noNewPrivileges
				r := b.try("run")
				if r.status != test.status || r.stderr != test.stdout {
					t.Errorf("%v, want status %d and %q", r, test.status, test.stdout)
				}
			})
		}
	}
}

// O5: the filter is there, in the thread that runs the program and in its children.
func TestSeccompMode(t *testing.T) {
	b := newBundle(t, withShell("grep ^Seccomp: /proc/self/status /proc/1/status | cut -f 2 | uniq"), withSeccomp(t, specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{syscallRule(specs.ActErrno, nil, "chroot")}}))
	wants(t, "mode", b.output(), "2")
	without := newBundle(t, withShell("grep ^Seccomp: /proc/self/status | cut -f 2"))
	wants(t, "mode without a profile", without.output(), "0")
}

// O9 O10: Docker's profile lets a shell run as root and as a user, with no_new_privs and without, and with a startContainer
// hook; it is compiled once and then found.
func TestSeccompDockerProfile(t *testing.T) {
	var profile specs.LinuxSeccomp
	must(t, json.Unmarshal([]byte(read(t, "../../libcontainer/seccomp/testdata/docker-default.json")), &profile))
	for _, uid := range []uint32{0, 1000} {
		for _, noNewPrivileges := range []bool{true, false} {
			t.Run(fmt.Sprintf("uid %d, no_new_privs %v", uid, noNewPrivileges), func(t *testing.T) {
				b := newBundle(t, withSeccomp(t, profile), withUser(uid, uid), withShell("unshare -U true 2>/dev/null || echo denied; ls / | head -n 1"))
				b.spec.Process.NoNewPrivileges = noNewPrivileges
				wants(t, "output", b.output(), "denied\nbin")
				b.spec.Hooks = &specs.Hooks{StartContainer: []specs.Hook{shellHook("true")}}
				wants(t, "output with a hook", b.output(), "denied\nbin")
			})
		}
	}
}

// O3 O12 O13: profiles that contradict themselves, or ask for what is not there, are refused before anything is made.
func TestSeccompRefused(t *testing.T) {
	for name, test := range map[string]struct {
		profile specs.LinuxSeccomp
		want    string
	}{
		"errnoRet on ALLOW":       {specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{syscallRule(specs.ActAllow, new(uint(1)), "mkdir")}}, "/linux/seccomp/syscalls/0/errnoRet"},
		"metadata without a path": {specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerMetadata: "x"}, "/linux/seccomp/listenerMetadata"},
		"notify":                  {specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{syscallRule(specs.ActNotify, nil, "mkdir")}}, "needs listenerPath"},
		"unknown action":          {specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_NOSUCH"}, "SCMP_ACT_NOSUCH"},
		"unknown architecture":    {specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{"SCMP_ARCH_NOSUCH"}}, "SCMP_ARCH_NOSUCH"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, withSeccomp(t, test.profile))
			b.try("create").fails("/linux/seccomp", test.want)
			b.nothingLeft()
		})
	}
}
