package launch

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Namespace is an existing namespace to be joined.
type Namespace struct {
	Kind    uint64 // CLONE_NEW*
	Path    string
	Pointer string // of the path in config.json
}

// openNamespaces opens every namespace before the first is entered: afterwards the paths may mean something else.
//
// The mount namespace comes late, because entering it changes what the root directory is, and the user namespace last: who
// is privileged outside may enter anything, and is not afterwards. What cannot be entered before it is tried again after it.
func openNamespaces(namespaces []Namespace, held []Held) ([]join, error) {
	if len(namespaces)+len(held) == 0 {
		return nil, nil
	}
	joins := make([]join, 0, len(namespaces)+len(held))
	for i := range namespaces {
		n := &namespaces[i]
		fd, err := openNamespace(n)
		if err != nil {
			closeJoins(joins)
			return nil, err
		}
		if n.Kind == unix.CLONE_NEWUSER && isOwnUser(fd) {
			unix.Close(fd) // the kernel refuses to enter what one is in; so there is nothing to do
			continue
		}
		joins = append(joins, join{fd: uintptr(fd), kind: uintptr(n.Kind), pointer: n.Pointer, path: n.Path})
	}
	for _, h := range held {
		joins = append(joins, join{fd: uintptr(h.Fd), kind: uintptr(h.Kind), borrowed: true})
	}
	slices.SortStableFunc(joins, func(a, b join) int { return joinRank(a.kind) - joinRank(b.kind) })
	return joins, nil
}

func joinRank(kind uintptr) int {
	switch kind {
	case unix.CLONE_NEWUSER:
		return 2
	case unix.CLONE_NEWNS:
		return 1
	}
	return 0
}

// isOwnUser says whether fd is the user namespace that we are in.
func isOwnUser(fd int) bool {
	var theirs, ours unix.Stat_t
	return unix.Fstat(fd, &theirs) == nil && unix.Stat("/proc/self/ns/user", &ours) == nil &&
		theirs.Dev == ours.Dev && theirs.Ino == ours.Ino
}

// openNamespace opens one namespace file and has the kernel confirm what it is (ioctl_nsfs(2), NS_GET_NSTYPE).
func openNamespace(n *Namespace) (int, error) {
	fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // it may be a FIFO that nobody writes to
	if err != nil {
		return -1, &fault.Error{Op: "open namespace", Pointer: n.Pointer, Path: n.Path, Err: err}
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "open namespace", Pointer: n.Pointer, Path: n.Path, Err: err, Hint: "the path must be a namespace file, such as /proc/PID/ns/net"}
	}
	if uint64(kind) != n.Kind {
		unix.Close(fd)
		return -1, &fault.Error{Op: "open namespace", Pointer: n.Pointer, Path: n.Path, Err: fault.Text("it is a " + kindName(uint64(kind)) + " namespace, not a " + kindName(n.Kind) + " namespace")}
	}
	return fd, nil
}

func closeJoins(joins []join) {
	for _, j := range joins {
		if !j.borrowed {
			unix.Close(int(j.fd))
		}
	}
}

// kindName is the specification's word for a CLONE_NEW* flag.
func kindName(kind uint64) string {
	switch kind {
	case unix.CLONE_NEWPID:
		return "pid"
	case unix.CLONE_NEWNET:
		return "network"
	case unix.CLONE_NEWNS:
		return "mount"
	case unix.CLONE_NEWIPC:
		return "ipc"
	case unix.CLONE_NEWUTS:
		return "uts"
	case unix.CLONE_NEWUSER:
		return "user"
	case unix.CLONE_NEWCGROUP:
		return "cgroup"
	case unix.CLONE_NEWTIME:
		return "time"
	}
	return "unknown"
}
