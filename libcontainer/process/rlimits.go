package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// rlimits is the table of resource limits (getrlimit(2)), by name.
var rlimits = [...]struct {
	name     string
	resource int
}{
	{"RLIMIT_AS", unix.RLIMIT_AS},
	{"RLIMIT_CORE", unix.RLIMIT_CORE},
	{"RLIMIT_CPU", unix.RLIMIT_CPU},
	{"RLIMIT_DATA", unix.RLIMIT_DATA},
	{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", unix.RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", unix.RLIMIT_NICE},
	{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE},
	{"RLIMIT_NPROC", unix.RLIMIT_NPROC},
	{"RLIMIT_RSS", unix.RLIMIT_RSS},
	{"RLIMIT_RTPRIO", unix.RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", unix.RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", unix.RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", unix.RLIMIT_STACK},
}

// RlimitByName returns the kernel's number of a resource limit.
func RlimitByName(name string) (resource int, ok bool) {
	for i := range rlimits {
		if rlimits[i].name == name {
			return rlimits[i].resource, true
		}
	}
	return 0, false
}

// RlimitName is the inverse of RlimitByName.
func RlimitName(resource int) string {
	for i := range rlimits {
		if rlimits[i].resource == resource {
			return rlimits[i].name
		}
	}
	return "RLIMIT " + utoa(uint32(resource))
}

// Rlimits sets the limits of this process. unix.Prlimit also tells package syscall to forget the limit on open files that
// it would otherwise restore in Exec.
func Rlimits(s *step.Rlimits) error {
	for i := range s.Limits {
		l := &s.Limits[i]
		next := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
		if s.RaiseOnly {
			var now unix.Rlimit
			if err := unix.Prlimit(0, l.Resource, nil, &now); err != nil {
				return rlimitError(l, err)
			}
			next = unix.Rlimit{Cur: now.Cur, Max: max(now.Max, l.Hard)}
		}
		if err := unix.Prlimit(0, l.Resource, &next, nil); err != nil {
			return rlimitError(l, err)
		}
	}
	return nil
}

func rlimitError(l *step.Rlimit, err error) error {
	e := &fault.Error{Op: "prlimit", Path: RlimitName(l.Resource), Err: err}
	var now unix.Rlimit
	switch {
	case err == unix.EINVAL:
		e.Hint = "soft may not be above hard"
	case err == unix.EPERM && unix.Prlimit(0, l.Resource, nil, &now) == nil:
		e.Hint = "raising the hard limit above the runtime's own, " + limitText(now.Max) + ", needs CAP_SYS_RESOURCE"
		if l.Resource == unix.RLIMIT_NOFILE {
			e.Hint += "; nothing goes above /proc/sys/fs/nr_open"
		}
	}
	return e
}
