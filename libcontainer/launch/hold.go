package launch

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Holder is a process that only holds new namespaces open until they have been set up and init has joined them: a user
// namespace must have its mappings before anything is executed in it, because execve(2) takes the capabilities of whoever has
// no mapping, and a time namespace its offsets before the first process enters it (time_namespaces(7)).
type Holder struct {
	Pid   int
	pidfd int
}

// Hold makes a holder; kinds is CLONE_NEWUSER, CLONE_NEWTIME or both, where the first owns the second. The caller closes it.
func Hold(kinds uint64) (*Holder, error) {
	// Not by clone3: a process that it makes in a time namespace of its own is in it at once, and the offsets are fixed.
	pid, pidfd, stage, errno := hold(kinds&^unix.CLONE_NEWTIME, kinds&unix.CLONE_NEWTIME)
	h := &Holder{Pid: pid, pidfd: pidfd}
	if errno == 0 {
		return h, nil
	}
	if pid != 0 {
		h.Close()
	}
	what := "user"
	if kinds&unix.CLONE_NEWUSER == 0 || stage == stageUnshare {
		what = "time"
	}
	e := &fault.Error{Op: "make " + what + " namespace", Err: errno}
	if errno == unix.EPERM && what == "time" {
		e.Hint = "it needs CAP_SYS_ADMIN, or a user namespace of the container's own"
	}
	if errno == unix.EINVAL {
		e.Hint = "the kernel is built without " + what + " namespaces"
	}
	return nil, e
}

// Open returns a descriptor of one of the namespaces, by which it can be joined. It is the caller's.
func (h *Holder) Open(kind uint64) (int, error) {
	name := "user"
	if kind == unix.CLONE_NEWTIME {
		name = "time_for_children"
	}
	path := "/proc/" + strconv.Itoa(h.Pid) + "/ns/" + name
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fault.Error{Op: "open namespace", Path: path, Err: err}
	}
	return fd, nil
}

// Close ends the process. The namespaces live as long as somebody has them open or is in them.
func (h *Holder) Close() {
	unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0)
	reap(h.Pid)
	unix.Close(h.pidfd)
}
