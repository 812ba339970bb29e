package launch

import (
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
// The mount namespace comes last, because entering it changes what the root directory is.
func openNamespaces(namespaces []Namespace) ([]join, error) {
	joins := make([]join, 0, len(namespaces))
	for _, last := range []bool{false, true} {
		for i := range namespaces {
			n := &namespaces[i]
			if (n.Kind == unix.CLONE_NEWNS) != last {
				continue
			}
			fd, err := openNamespace(n)
			if err != nil {
				closeJoins(joins)
				return nil, err
			}
			joins = append(joins, join{fd: uintptr(fd), kind: uintptr(n.Kind)})
		}
	}
	return joins, nil
}

// openNamespace opens one namespace file and has the kernel confirm what it is (ioctl_nsfs(2), NS_GET_NSTYPE).
func openNamespace(n *Namespace) (int, error) {
	fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
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
		unix.Close(int(j.fd))
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
