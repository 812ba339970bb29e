package launch

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/wire"
)

// listenerTimeout bounds the wait for init to load its filter, which it does next.
const listenerTimeout = 10 * time.Second

// Listening is what happens to the listener of a seccomp filter: Send gives it to the agent. The descriptor stays launch's.
type Listening struct {
	Pid, Pidfd int // of init, for a caller that has no Process
	Send       func(listenerFd int) error
}

// pass takes the listener out of init, hands it on, and lets init go on. Where any of that fails init is killed: it must
// not run with a filter that nobody answers for (config-linux.md, "seccomp", listenerPath).
func (l *Listening) pass(conn *wire.Conn, m *wire.Listener) error {
	err := l.take(conn, m)
	if err != nil {
		unix.PidfdSendSignal(l.Pidfd, unix.SIGKILL, nil, 0)
	}
	return err
}

func (l *Listening) take(conn *wire.Conn, m *wire.Listener) error {
	if l.Send == nil {
		return errUnexpected
	}
	fd, err := fetchListener(conn, l.Pidfd, int(m.Number))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := l.Send(fd); err != nil {
		return err
	}
	// The word lies in init's memory, and in no other process's, whatever address init has named (W3).
	taken := []byte{1, 1, 1, 1}
	local := []unix.Iovec{{Base: &taken[0]}}
	local[0].SetLen(len(taken))
	if _, err := unix.ProcessVMWritev(l.Pid, local, []unix.RemoteIovec{{Base: uintptr(m.Taken), Len: len(taken)}}, 0); err != nil {
		return &fault.Error{Op: "process_vm_writev", Path: strconv.Itoa(l.Pid), Err: err, Hint: ptraceHint}
	}
	return nil
}

const ptraceHint = "seccomp notification needs the right to trace init: CAP_SYS_PTRACE, and kernel.yama.ptrace_scope below 3"

// fetchListener waits until the descriptor exists. Nothing tells when a filter has been loaded, so it looks again and again,
// for the few microseconds that takes; or init says that it could not load it.
func fetchListener(conn *wire.Conn, pidfd, number int) (int, error) {
	for deadline := time.Now().Add(listenerTimeout); ; {
		fd, err := unix.PidfdGetfd(pidfd, number, 0)
		switch {
		case err == nil && isListener(fd):
			return fd, nil
		case err == nil:
			unix.Close(fd)
			return -1, errUnexpected
		case err == unix.ESRCH:
			return -1, gone(wire.ErrClosed)
		case err != unix.EBADF:
			return -1, &fault.Error{Op: "pidfd_getfd", Path: "seccomp listener", Err: err, Hint: ptraceHint}
		}
		if time.Now().After(deadline) {
			return -1, &fault.Error{Op: "wait for the seccomp filter", Err: fault.ErrTimeout}
		}
		if err := failure(conn); err != nil {
			return -1, err
		}
	}
}

// failure waits a millisecond for init to say that it has failed.
func failure(conn *wire.Conn) error {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(conn.Fd), Events: unix.POLLIN}}, 1)
	if n < 1 || err != nil {
		return nil
	}
	m, extra, err := conn.Recv()
	if extra >= 0 {
		unix.Close(extra)
	}
	if err != nil {
		return gone(err)
	}
	if f, ok := m.(*wire.Failed); ok {
		return f.Fault()
	}
	return errUnexpected
}

// isListener asks the kernel what a descriptor is (W3).
func isListener(fd int) bool {
	var name [64]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), name[:])
	return err == nil && strings.HasPrefix(string(name[:n]), "anon_inode:seccomp notify")
}
