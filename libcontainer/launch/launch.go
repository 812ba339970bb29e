package launch

import (
	"runtime"
	"strconv"
	"syscall"

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
	Held        []Held      // to join, by descriptor
	Target      *Target     // whose namespaces to join; nil for a new container
	CgroupFd    int         // directory of the unified cgroup, −1 for none
	PreserveFDs int         // descriptors 3 to 2+PreserveFDs stay open
	// KeepAffinity leaves init on the CPUs of the calling thread. Else it takes all that it may have.
	KeepAffinity bool
	// KeepGroups leaves init in the supplementary groups of the caller, also as root of a user namespace that it joins.
	KeepGroups bool
}

// Target is a process into whose namespaces init goes: those of Kinds, CLONE_NEW* bits, by one setns(2) on its pidfd
// (Linux 5.8). Either all are joined or none, and nobody can exchange one of them for another in between.
type Target struct {
	Pidfd int
	Kinds uint64
}

// Held is a namespace that is open already; the descriptor stays the caller's.
type Held struct {
	Kind uint64
	Fd   int
}

// Process is an init process on its way to "created". It owns its pidfd and its end of the wire.
type Process struct {
	Pid   int
	Pidfd int
	conn  wire.Conn
}

// Start clones init. Its parent-death signal hangs on the thread that cloned it. The Go runtime ends no thread but one whose
// goroutine ended locked to it, so a caller must not call this from a goroutine that does so.
//
// Errors leave no process behind.
func Start(o *Options) (*Process, error) {
	joins, err := openNamespaces(o.Namespaces, o.Held)
	if err != nil {
		return nil, err
	}
	defer closeJoins(joins)
	if t := o.Target; t != nil && t.Kinds != 0 {
		joins = []join{{fd: uintptr(t.Pidfd), kind: uintptr(t.Kinds), borrowed: true}}
	}
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
	if err := c.prepare(); err != nil {
		return nil, err
	}
	defer c.finish()
	c.fork()
	runtime.KeepAlive(o)
	if c.split && c.first != 0 {
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
	if c.pid == 0 { // no call failed, and there is no second child: pid 0 would mean our own process group to kill(2)
		return nil, &fault.Error{Op: "clone", Path: InitName, Err: errKilledEarly, Hint: "the container has been killed, or has no memory left"}
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

// errKilledEarly is the end of the first of two children, by somebody who kills all that is in the cgroup.
var errKilledEarly = fault.Text("it was killed before it had entered the pid namespace")

// newRawChild prepares everything the child needs, so that it need not allocate.
func newRawChild(o *Options, joins []join, wireFd int) *rawChild {
	argv := []string{InitName}
	c := &rawChild{
		joins:       joins,
		imageFd:     uintptr(o.Image.Fd),
		wireFd:      uintptr(wireFd),
		firstUnused: uintptr(3 + o.PreserveFDs),
		pidfd:       -1,
		userJoin:    -1,
		keepGroups:  o.KeepGroups,
	}
	c.childResult = &c.own
	c.argv, _ = syscall.SlicePtrFromStrings(argv)
	env := c.environment(wireFd)
	if o.KeepAffinity {
		env = append(env, wire.AffinityVariable+"=keep")
	}
	c.envp, _ = syscall.SlicePtrFromStrings(env)
	c.args.flags = o.CloneFlags | unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD
	if len(joins) > 0 {
		c.plan(uintptr(o.CloneFlags))
	}
	c.args.exitSignal = uint64(unix.SIGCHLD)
	if o.CgroupFd >= 0 {
		c.args.flags |= unix.CLONE_INTO_CGROUP
		c.args.cgroup = uint64(o.CgroupFd)
	}
	return c
}

// environment is all that init gets of one; nothing of the caller's. It also prepares the limit on open files.
//
// The Go runtime of init would start a second scheduler context, and read and parse /proc/self/mountinfo to learn its CPU
// limit: a quarter of its start-up. So it is told to use one context, and it starts with a limit of no open files at all,
// which ends the reading at the first open; init sets the caller's limit before anything else. And it collects no garbage:
// init makes little, and a collection sets up the runtime's poller, whose descriptor init is about to close with the rest.
func (c *rawChild) environment(wireFd int) []string {
	env := []string{wire.Variable + "=" + strconv.Itoa(wireFd), "GOMAXPROCS=1", "GOGC=off"}
	if soft, hard, known := nofile.Caller(); known {
		c.nofile = &unix.Rlimit{Cur: 0, Max: hard}
		env = append(env, wire.NofileVariable+"="+strconv.FormatUint(soft, 10))
	}
	return env
}

// cloneError says which call of the child the kernel refused.
func cloneError(c *rawChild, o *Options) error {
	e := &fault.Error{Op: stages[c.stage], Path: InitName, Err: c.errno}
	switch {
	case c.stage == stageClone && c.errno == unix.EBUSY && o.CgroupFd >= 0:
		e.Hint = "the cgroup has controllers enabled for its children, so it cannot hold a process"
	case c.stage == stageClone && c.errno == unix.EOPNOTSUPP && o.CgroupFd >= 0:
		e.Hint = "the cgroup is a threaded one, or below one; choose another linux.cgroupsPath"
	case c.stage == stageClone && c.errno == unix.EACCES && o.CgroupFd >= 0:
		// cgroups(7), "Cgroups v2 delegation": a process is moved by whoever may write to both, and to what they have in common.
		e.Hint = "the caller may not move a process from its own cgroup into the container's; run in a cgroup that is delegated together with it, " +
			"such as a scope of the user's systemd (systemd-run --user --scope -p Delegate=yes)"
	case c.stage == stageClone && c.errno == unix.ENOENT && o.CgroupFd >= 0:
		e.Hint = "the cgroup is not below the root of the caller's cgroup namespace (mount option nsdelegate)"
	case c.stage == stageClone && c.errno == unix.ENODEV && o.CgroupFd >= 0:
		e.Hint = "the cgroup has been removed meanwhile"
	case c.stage == stageClone && c.errno == unix.ENOSPC:
		e.Hint = "a limit in /proc/sys/user/max_*_namespaces is reached"
	case c.stage == stageClone && c.errno == unix.EPERM && o.CloneFlags != 0:
		e.Hint = "creating these namespaces needs CAP_SYS_ADMIN"
	case c.stage == stageClone && c.errno == unix.EPERM:
		e.Hint = "a security module or a seccomp filter of the caller forbids it, or the cgroup takes no process of this caller"
	case c.stage == stageClone && c.errno == unix.EAGAIN:
		e.Hint = "a limit on the number of processes is reached"
	case c.stage == stageSetGID, c.stage == stageSetUID:
		e.Op, e.Path = "become root of the user namespace", ""
		e.Hint = "ids 0 of user and group must be mapped in it"
	case c.stage == stageSetns && c.errno == unix.ESRCH && o.Target != nil:
		return fault.ErrNotRunning
	case c.stage == stageSetns && c.errno == unix.EPERM && o.Target != nil:
		e.Hint = "entering the namespaces of the container needs CAP_SYS_ADMIN in the user namespace that owns them"
	case c.stage == stageSetns && o.Target == nil:
		j := &c.joins[c.join]
		e.Op, e.Pointer, e.Path = "join "+kindName(uint64(j.kind))+" namespace", j.pointer, j.path
		if c.errno == unix.EPERM {
			e.Hint = "it needs CAP_SYS_ADMIN in the user namespace that owns it"
		}
	}
	return e
}

// SendPlan gives init its steps, the descriptors that they count from 1, and the listening start gate, −1 for none. The
// descriptors stay the caller's.
func (p *Process) SendPlan(entries []step.Entry, fds []int, gateFd int) error {
	if err := p.conn.SendPlan(wire.EncodePlan(entries), fds, gateFd); err != nil {
		return p.explain(err)
	}
	return nil
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
