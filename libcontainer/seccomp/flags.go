package seccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// kernelFlags turns the flags of a profile into the bits for seccomp(2).
//
// A profile without flags gets SPEC_ALLOW, which is what runc made of it: without it Linux 4.17 to 5.15, and later ones
// booted with spec_store_bypass_disable=seccomp, slow the container down by turning speculative store bypass off.
// "flags": [] asks for no flag at all.
//
// Two flags are accepted and have no bit. TSYNC puts the filter on all threads of a process: init keeps one thread at
// execve(2), and its other ones, the Go runtime's, must not be killed by the filter before that. WAIT_KILLABLE_RECV says how
// to wait for a listener's answer: the kernel refuses it for a filter that has none (EINVAL).
func kernelFlags(flags []specs.LinuxSeccompFlag) uint32 {
	if flags == nil {
		return unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	var bits uint32
	for _, flag := range flags {
		switch flag {
		case specs.LinuxSeccompFlagLog:
			bits |= unix.SECCOMP_FILTER_FLAG_LOG
		case specs.LinuxSeccompFlagSpecAllow:
			bits |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
		}
	}
	return bits
}
