// Package limit is what the two dialects of the cgroup file system share: the names of controllers, writes to control
// files, and the conversions that are the same in both.
//
// A dialect (packages v1 and v2) translates /linux/resources into a list of writes, without touching the kernel; package
// cgroups carries the list out. What can only be decided with a look at the cgroup, a write says in its fields.
package limit

import (
	"strconv"

	"github.com/tare-run/tare/internal/fault"
)

// Controllers by their names in cgroup v2; only cgroup v1 has the last two.
const (
	CPU     = "cpu"
	Cpuset  = "cpuset"
	Memory  = "memory"
	Pids    = "pids"
	IO      = "io" // "blkio" in v1
	Hugetlb = "hugetlb"
	Rdma    = "rdma"
	NetCls  = "net_cls"
	NetPrio = "net_prio"
)

// Controllers returns all of them in the order in which limits are set.
func Controllers() []string {
	return []string{CPU, Cpuset, Memory, Pids, IO, Hugetlb, Rdma, NetCls, NetPrio}
}

// Unlimited is the number by which the specification says "no limit".
const Unlimited = -1

// Write is one value for one control file.
type Write struct {
	File    string
	Value   string
	Pointer string // the entry of config.json that asks for it
	Hint    string // what the kernel accepts, added when it refuses

	// Complete makes the value out of what the file holds now; Value is then empty.
	Complete func(current string) string
	// UsageFile names a file with the current usage. The write is refused if that is above Value (memory.checkBeforeUpdate).
	UsageFile string
	// Attempt marks a write that is repeated later in the list: EINVAL is no error yet. Two files whose values bound each
	// other are so set in either order, whether both go up or down.
	Attempt bool
	// Verify reads the number back. There are files that the kernel accepts a limit in and forgets it.
	Verify bool
	// Optional marks a write that says what holds anyway where the kernel does not have the file.
	Optional bool
	// Else is done instead where the kernel does not have the file.
	Else *Write
}

// Ptr returns the pointer to an entry below /linux/resources.
func Ptr(parts ...any) string { return fault.Ptr(append([]any{"linux", "resources"}, parts...)...) }

// Max returns a number as cgroup v2 spells it.
func Max(n int64) string {
	if n == Unlimited {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

// Value returns what a pointer points to, or zero, which means "unset" for all limits that use it.
func Value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Inconvertible is the error for a setting that a dialect has no means for (config-linux.md: "the runtime MUST generate
// an error" rather than ignore it).
func Inconvertible(why string, pointer ...any) error {
	return &fault.Error{Op: "set limit", Pointer: Ptr(pointer...), Err: fault.ErrNotSupported, Hint: why}
}

// Invalid is the error for a value that makes no sense by itself.
func Invalid(why, hint string, pointer ...any) error {
	return &fault.Error{Op: "set limit", Pointer: Ptr(pointer...), Err: fault.Text(why), Hint: hint}
}
