package seccomp

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

const (
	// maxErrno is the highest that libseccomp takes: less than the kernel's MAX_ERRNO, to which a filter's number is cut
	// silently (seccomp(2)).
	maxErrno = 4094
	// maxTraceData is what SECCOMP_RET_DATA has room for.
	maxTraceData = 0xffff
	// maxArgs is how many arguments a system call has.
	maxArgs = 6
)

// checker collects the problems of a profile.
type checker struct {
	problems []error
	listens  bool // listenerPath is set
}

// Check finds everything that is wrong with a profile on any machine: words that nobody knows, numbers where none belong.
// It returns all problems, joined, each with its pointer. Names of system calls are not its business: unknown ones are
// ignored, because profiles name calls that are newer than the library (and no rule means the default action).
func Check(profile *specs.LinuxSeccomp) error { return errors.Join(problems(profile)...) }

func problems(profile *specs.LinuxSeccomp) []error {
	c := checker{listens: profile.ListenerPath != ""}
	c.action(profile.DefaultAction, profile.DefaultErrnoRet, "defaultErrnoRet", "defaultAction")
	for i, word := range profile.Architectures {
		if !knownArch(word) {
			c.unknown(string(word), "architectures", i)
		}
	}
	for i, word := range profile.Flags {
		if !slices.Contains(KnownFlags(), string(word)) {
			c.unknown(string(word), "flags", i)
		}
	}
	if profile.ListenerPath != "" && !path.IsAbs(profile.ListenerPath) {
		c.add(fault.Text("must be an absolute path"), profile.ListenerPath, "listenerPath")
	}
	if profile.ListenerMetadata != "" && profile.ListenerPath == "" {
		c.add(fault.Text("must not be set without listenerPath"), "", "listenerMetadata")
	}
	for i := range profile.Syscalls {
		c.entry(&profile.Syscalls[i], i)
	}
	return c.problems
}

func (c *checker) entry(entry *specs.LinuxSyscall, i int) {
	if len(entry.Names) == 0 {
		c.add(fault.Text("must contain at least one name"), "", "syscalls", i, "names")
	}
	for j, name := range entry.Names {
		if name == "" || strings.IndexByte(name, 0) >= 0 { // C would read another name than the one that is written
			c.add(fault.Text("not a name"), name, "syscalls", i, "names", j)
		}
	}
	c.action(entry.Action, entry.ErrnoRet, "errnoRet", "syscalls", i, "action")
	for j, arg := range entry.Args {
		if arg.Index >= maxArgs {
			c.add(fault.Text("a system call has six arguments, 0 to 5"), strconv.FormatUint(uint64(arg.Index), 10),
				"syscalls", i, "args", j, "index")
		}
		if !slices.Contains(Operators(), string(arg.Op)) {
			c.unknown(string(arg.Op), "syscalls", i, "args", j, "op")
		}
	}
}

// action checks an action and the number that goes with it, which stands beside it under another name. config-linux.md:
// "When the action doesn't support an errno, the runtime MUST print and error and fail."
func (c *checker) action(word specs.LinuxSeccompAction, errno *uint, errnoName string, at ...any) {
	switch {
	case word == specs.ActNotify && !c.listens:
		c.add(fault.Text("needs listenerPath, the socket of the agent that answers"), string(word), at...)
		return
	case !slices.Contains(Actions(), string(word)):
		c.unknown(string(word), at...)
		return
	case errno == nil:
		return
	}
	at = append(slices.Clone(at[:len(at)-1]), errnoName)
	highest := uint(0)
	switch word {
	case specs.ActErrno:
		highest = maxErrno
	case specs.ActTrace:
		highest = maxTraceData
	default:
		c.add(fault.Text("has no meaning with "+string(word)), "", at...)
		return
	}
	if *errno > highest {
		c.add(fault.Text("too large; the highest is "+strconv.FormatUint(uint64(highest), 10)),
			strconv.FormatUint(uint64(*errno), 10), at...)
	}
}

func (c *checker) add(err error, what string, at ...any) {
	pointer := fault.Ptr("linux", "seccomp") + fault.Ptr(at...)
	c.problems = append(c.problems, &fault.Error{Pointer: pointer, Path: what, Err: err})
}

func (c *checker) unknown(word string, at ...any) { c.add(fault.Text("unknown word"), word, at...) }

// knownArch looks a word up among those of the specification; whether libseccomp has the architecture is for the helper to
// say.
func knownArch(word specs.Arch) bool {
	switch word {
	case specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64, specs.ArchMIPS,
		specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32, specs.ArchPPC,
		specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X, specs.ArchPARISC, specs.ArchPARISC64,
		specs.ArchRISCV64, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB:
		return true
	}
	return false
}
