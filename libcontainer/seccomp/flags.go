package seccomp

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// kernelFlags turns the flags of a profile into the bits for seccomp(2).
//
// A profile without flags gets SPEC_ALLOW, which is what runc made of it: without it Linux 4.17 to 5.15, and later ones
// booted with spec_store_bypass_disable=seccomp, slow the container down by turning speculative store bypass off.
// "flags": [] asks for no flag at all.
//
// TSYNC is accepted and has no bit. It puts the filter on all threads of a process: init keeps one thread at execve(2), and
// its other ones, the Go runtime's, must not be killed by the filter before that. WAIT_KILLABLE_RECV (Linux 5.19) says how to
// wait for a listener's answer: the kernel refuses it for a filter that has none (EINVAL), so it has no bit there.
func kernelFlags(profile *specs.LinuxSeccomp) uint32 {
	var bits uint32
	if Notifies(profile) {
		bits = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	if profile.Flags == nil {
		return bits | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	for _, flag := range profile.Flags {
		switch flag {
		case specs.LinuxSeccompFlagWaitKillableRecv:
			if Notifies(profile) {
				bits |= unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
			}
		case specs.LinuxSeccompFlagLog:
			bits |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			bits |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		}
	}
	return bits
}

// Notifies says whether the filter of a profile has a listener. A listenerPath alone makes none: config-linux.md gives it a
// meaning "when the SCMP_ACT_NOTIFY action is used".
func Notifies(profile *specs.LinuxSeccomp) bool {
	return profile.DefaultAction == specs.ActNotify ||
		slices.ContainsFunc(profile.Syscalls, func(s specs.LinuxSyscall) bool { return s.Action == specs.ActNotify })
}
