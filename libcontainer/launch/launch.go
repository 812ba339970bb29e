package launch

import (
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/nofile"
	"github.com/tare-run/tare/libcontainer/step"
	"github.com/tare-run/tare/libcontainer/wire"
)

// InitName is argv[0] of init.
const InitName = "tare-init"

// Options say where init shall run.
type Options struct {
	Image       Image
	CloneFlags  uint64      // CLONE_NEW* of the namespaces to make, without CLONE_NEWCGROUP (see step.CgroupNamespace)
	Namespaces  []Namespace // to join
	CgroupFd    int         // directory of the unified cgroup, −1 for none
	PreserveFDs int         // descriptors 3 to 2+PreserveFDs stay open
}

// Process is an init process on its way to "created". It owns its pidfd and its end of the wire.
type Process struct {
	Pid   int
	Pidfd int
	conn  wire.Conn
}

// Start clones init. The calling goroutine must be locked to its thread until the container is created or gone: init's
// parent-death signal hangs on that thread.
//
// Errors leave no process behind.
func Start(o *Options) (*Process, error) {
	joins, err := openNamespaces(o.Namespaces)
	if err != nil {
		return nil, err
	}
	defer closeJoins(joins)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Error{Op: "socketpair", Err: err}
	}
	defer unix.Close(pair[1])
	p, err := clone(o, joins, pair[1])
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	p.conn.Fd = pair[0]
	return p, nil
}

func clone(o *Options, joins []join, wireFd int) (*Process, error) {
	c := newRawChild(o, joins, wireFd)
	c.fork()
	runtime.KeepAlive(o)
	if c.splitPid && c.first != 0 {
		reap(int(c.first))
		unix.Close(int(c.pidfd))
		c.pidfd = -1
	}
	if c.errno != 0 {
		if c.pid != 0 {
			reap(int(c.pid))
		}
		if c.pidfd >= 0 {
			unix.Close(int(c.pidfd))
		}
		return nil, cloneError(c, o)
	}
	p := &Process{Pid: int(c.pid), Pidfd: int(c.pidfd)}
	if p.Pidfd < 0 { // our own child, not reaped yet: its pid cannot mean another process
		fd, err := unix.PidfdOpen(p.Pid, 0)
		if err != nil {
			unix.Kill(p.Pid, unix.SIGKILL)
			reap(p.Pid)
			return nil, &fault.Error{Op: "pidfd_open", Err: err}
		}
		p.Pidfd = fd
	}
	return p, nil
}

// newRawChild prepares everything the child needs, so that it need not allocate.
func newRawChild(o *Options, joins []join, wireFd int) *rawChild {
	argv := []string{InitName}
	c := &rawChild{
		joins:       joins,
		imageFd:     uintptr(o.Image.Fd),
		wireFd:      uintptr(wireFd),
		firstUnused: uintptr(3 + o.PreserveFDs),
		pidfd:       -1,
	}
	if soft, hard, known := nofile.Caller(); known {
		c.nofile = &unix.Rlimit{Cur: soft, Max: hard}
	}
	for i := range joins {
		c.splitPid = c.splitPid || joins[i].kind == unix.CLONE_NEWPID
	}
	c.argv, _ = syscall.SlicePtrFromStrings(argv)
	c.envp, _ = syscall.SlicePtrFromStrings([]string{wire.Variable + "=" + strconv.Itoa(wireFd)}) // nothing of the caller's environment
	c.args.flags = o.CloneFlags | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD
	c.args.exitSignal = uint64(unix.SIGCHLD)
	c.args.pidfd = uint64(uintptr(unsafe.Pointer(&c.pidfd)))
	if o.CgroupFd >= 0 {
		c.args.flags |= unix.CLONE_INTO_CGROUP
		c.args.cgroup = uint64(o.CgroupFd)
	}
	return c
}

// cloneError says which call of the child the kernel refused.
func cloneError(c *rawChild, o *Options) error {
	e := &fault.Error{Op: stages[c.stage], Path: InitName, Err: c.errno}
	switch {
	case c.stage == stageClone && c.errno == unix.EBUSY && o.CgroupFd >= 0:
		e.Hint = "the cgroup has controllers enabled for its children, so it cannot hold a process"
	case c.stage == stageClone && c.errno == unix.EOPNOTSUPP && o.CgroupFd >= 0:
		e.Hint = "the cgroup is a threaded one, or below one; choose another linux.cgroupsPath"
	case c.stage == stageClone && c.errno == unix.ENOSPC:
		e.Hint = "a limit in /proc/sys/user/max_*_namespaces is reached"
	case c.stage == stageClone && c.errno == unix.EPERM:
		e.Hint = "creating these namespaces needs CAP_SYS_ADMIN"
	case c.stage == stageClone && c.errno == unix.EAGAIN:
		e.Hint = "a limit on the number of processes is reached"
	}
	return e
}

// SendPlan gives init its steps and the listening start gate; gateFd stays the caller's.
func (p *Process) SendPlan(entries []step.Entry, gateFd int) error {
	if err := p.conn.SendPlan(wire.EncodePlan(entries), gateFd); err != nil {
		return p.explain(err)
	}
	return nil
}

// Handlers are what the runtime does when init asks.
type Handlers struct {
	RuntimeHooks func() error                          // prestart and createRuntime
	Console      func(masterFd int, name string) error // owns masterFd
	Warn         func(text string)
}

// Await answers init's messages until it reports created. timeoutMilliseconds bounds the silence between two messages; 0
// means without bound, which only a hook without a time-out asks for.
func (p *Process) Await(h *Handlers, timeoutMilliseconds int64) error {
	if err := p.conn.SetDeadline(timeoutMilliseconds); err != nil {
		return &fault.Error{Op: "setsockopt", Err: err}
	}
	for {
		m, fd, err := p.conn.Recv()
		if err != nil {
			return p.explain(err)
		}
		if c, ok := m.(*wire.Console); ok && fd >= 0 && h.Console != nil {
			if err := h.Console(fd, c.Name); err != nil {
				return err
			}
			continue
		}
		if fd >= 0 {
			unix.Close(fd)
			return errUnexpected
		}
		switch m := m.(type) {
		case *wire.Warning:
			h.Warn(m.Text)
		case *wire.Ready:
			if err := h.RuntimeHooks(); err != nil {
				return err
			}
			if err := p.conn.Send(&wire.Run{}); err != nil {
				return p.explain(err)
			}
		case *wire.Created:
			return nil
		case *wire.Failed:
			return m.Fault()
		default:
			return errUnexpected
		}
	}
}

var errUnexpected = fault.Text("init sent a message out of order")

// Release tells init that the state on disk says created; from here on it lives without us.
func (p *Process) Release() error {
	if err := p.conn.Send(&wire.Release{}); err != nil {
		return p.explain(err)
	}
	return nil
}

// explain turns the silence or the death of init into a sentence. It reaps a dead init.
func (p *Process) explain(err error) error {
	if err != wire.ErrClosed {
		return &fault.Error{Op: "wait for init", Err: err}
	}
	status, ok := p.exited()
	switch {
	case !ok:
		return &fault.Error{Op: "wait for init", Err: err}
	case status.Signaled() && status.Signal() == unix.SIGKILL:
		return &fault.Error{Op: "wait for init", Err: fault.Text("the init process was killed (signal 9)"), Hint: "a memory limit that is too low does this"}
	case status.Signaled():
		return &fault.Error{Op: "wait for init", Err: fault.Text("the init process was killed by signal " + strconv.Itoa(int(status.Signal())))}
	}
	return &fault.Error{Op: "wait for init", Err: fault.Text("the init process exited with status " + strconv.Itoa(status.ExitStatus()))}
}

// exited waits a second for init, which has closed its end of the wire and so is about to be gone.
func (p *Process) exited() (unix.WaitStatus, bool) {
	poll := []unix.PollFd{{Fd: int32(p.Pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 1000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 {
			return 0, false
		}
		return reap(p.Pid), true
	}
}

// Abort kills init and reaps it. Closing is left to Close.
func (p *Process) Abort() {
	unix.PidfdSendSignal(p.Pidfd, unix.SIGKILL, nil, 0)
	reap(p.Pid)
}

// Close closes the descriptors. The process goes on.
func (p *Process) Close() {
	p.conn.Close()
	unix.Close(p.Pidfd)
}

// reap waits for our child; a child that somebody else has reaped is fine.
func reap(pid int) unix.WaitStatus {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}
