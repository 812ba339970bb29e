package seccomp

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// The functions of this file are the seccomp part of the features document (features-linux.md). They are also what Check
// looks words up in, so that the document cannot promise what a profile is refused for.

// Enabled says whether this build can compile profiles.
func Enabled() bool { return compiler().Can(protocol.Kind) }

// Actions are the actions a profile may use.
func Actions() []string {
	return []string{
		string(specs.ActAllow), string(specs.ActErrno), string(specs.ActKill), string(specs.ActKillProcess),
		string(specs.ActKillThread), string(specs.ActLog), string(specs.ActNotify), string(specs.ActTrace), string(specs.ActTrap),
	}
}

// Operators are the comparisons an argument can take part in.
func Operators() []string {
	return []string{
		string(specs.OpEqualTo), string(specs.OpGreaterEqual), string(specs.OpGreaterThan), string(specs.OpLessEqual),
		string(specs.OpLessThan), string(specs.OpMaskedEqual), string(specs.OpNotEqual),
	}
}

// Archs are the architectures that the embedded libseccomp can filter; nil without one.
func Archs() []string {
	archs := compiler().Facts(protocol.FactArch)
	slices.Sort(archs)
	return archs
}

// LibVersion is the version of the embedded libseccomp, "2.5.4"; empty without one.
func LibVersion() string {
	for _, version := range compiler().Facts(protocol.FactLibrary) {
		return version
	}
	return ""
}

// flagTsync is in the specification's text but not in its Go types.
const flagTsync = "SECCOMP_FILTER_FLAG_TSYNC"

// KnownFlags are the flags that are accepted.
func KnownFlags() []string {
	return []string{
		string(specs.LinuxSeccompFlagLog), string(specs.LinuxSeccompFlagSpecAllow), flagTsync,
		string(specs.LinuxSeccompFlagWaitKillableRecv),
	}
}

// SupportedFlags are the known flags that the running kernel knows too. It asks the kernel.
func SupportedFlags() []string {
	return slices.DeleteFunc(KnownFlags(), func(flag string) bool { return !haveFlag(flag) })
}

func haveFlag(flag string) bool {
	switch flag {
	case string(specs.LinuxSeccompFlagLog):
		return sys.HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_LOG)
	case string(specs.LinuxSeccompFlagSpecAllow):
		return sys.HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
	case flagTsync:
		return sys.HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_TSYNC)
	case string(specs.LinuxSeccompFlagWaitKillableRecv): // only valid for a filter with a listener
		return sys.HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	}
	return false
}
