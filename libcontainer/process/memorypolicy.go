package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// word is a name of the specification with the kernel's number.
type word struct {
	name   string
	number int
}

// memoryPolicyModes are those of set_mempolicy(2), as config-linux.md names them.
var memoryPolicyModes = [...]word{
	{"MPOL_BIND", unix.MPOL_BIND},
	{"MPOL_DEFAULT", unix.MPOL_DEFAULT},
	{"MPOL_INTERLEAVE", unix.MPOL_INTERLEAVE},
	{"MPOL_LOCAL", unix.MPOL_LOCAL},
	{"MPOL_PREFERRED", unix.MPOL_PREFERRED},
	{"MPOL_PREFERRED_MANY", unix.MPOL_PREFERRED_MANY},           // Linux 5.15
	{"MPOL_WEIGHTED_INTERLEAVE", unix.MPOL_WEIGHTED_INTERLEAVE}, // Linux 6.9
}

// memoryPolicyFlags are or-ed to the mode.
var memoryPolicyFlags = [...]word{
	{"MPOL_F_NUMA_BALANCING", unix.MPOL_F_NUMA_BALANCING}, // Linux 5.12
	{"MPOL_F_RELATIVE_NODES", unix.MPOL_F_RELATIVE_NODES},
	{"MPOL_F_STATIC_NODES", unix.MPOL_F_STATIC_NODES},
}

// MemoryPolicyMode returns the number of a mode.
func MemoryPolicyMode(name string) (int, bool) { return number(memoryPolicyModes[:], name) }

// MemoryPolicyFlag returns the bit of a flag.
func MemoryPolicyFlag(name string) (int, bool) { return number(memoryPolicyFlags[:], name) }

// MemoryPolicyModes returns the names of all modes, sorted.
func MemoryPolicyModes() []string { return namesOf(memoryPolicyModes[:]) }

// MemoryPolicyFlags returns the names of all flags, sorted.
func MemoryPolicyFlags() []string { return namesOf(memoryPolicyFlags[:]) }

func number(words []word, name string) (int, bool) {
	for _, w := range words {
		if w.name == name {
			return w.number, true
		}
	}
	return 0, false
}

func namesOf(words []word) []string {
	names := make([]string, 0, len(words))
	for _, w := range words {
		names = append(names, w.name)
	}
	return names
}

// SetMemoryPolicy sets the policy of this thread, which is the one that becomes the program: execve keeps it.
func SetMemoryPolicy(s *step.MemoryPolicy) error {
	var nodes unix.CPUSet
	for _, n := range s.Nodes {
		nodes.Set(int(n))
	}
	switch err := unix.SetMemPolicy(s.Mode, &nodes); err {
	case nil:
		return nil
	case unix.ENOSYS:
		return &fault.Error{Err: err, Hint: "this kernel is built without CONFIG_NUMA"}
	case unix.EINVAL:
		return &fault.Error{Err: err, Hint: "are the nodes online and among those of the cpuset, and does this kernel know the mode?"}
	default:
		return err
	}
}
