package launch

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The three hooks that the Go runtime wants around a fork, as syscall.forkExec uses them. The linker lets other packages
// name them: gVisor and others do.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// vforkSyscall makes a system call that returns twice on one stack (vfork_*.s). It must be assembly of this very package:
// for assembly of another one the compiler calls a wrapper, whose frame the child would overwrite.
//
//go:noescape
func vforkSyscall(trap, a1, a2, a3 uintptr) (r1 uintptr, err syscall.Errno)

// rawChild is everything the child needs between clone3 and execveat. It is complete before the fork: the child neither
// allocates nor computes. What the child writes, the parent reads: they share their memory.
type rawChild struct {
	args  cloneArgs
	joins []join // namespaces to enter, in this order

	// A second clone is needed to be inside a pid namespace that is among joins, and to make namespaces that a user namespace
	// among joins shall own: secondFlags are its CLONE_* flags.
	split       bool
	secondFlags uintptr
	userJoin    int // index in joins of a user namespace; −1 for none
	keepGroups  bool

	imageFd     uintptr // executed by descriptor
	wireFd      uintptr // the only descriptor of ours that init inherits
	firstUnused uintptr // descriptors from here on become close-on-exec, whoever left them open
	argv, envp  []*byte
	nofile      *unix.Rlimit // limit on open files to start with; nil to leave as is

	pidfd        int32   // written by the kernel
	first        uintptr // the process that clone3 made
	*childResult         // &own, or memory that is shared with a child which does not share all
	own          childResult

	shared   []byte // the memory that holds the result of a child which does not share ours
	dumpable int    // of this process, before
}

// childResult is what the child reports.
type childResult struct {
	pid   uintptr // the process that executes the image: the first, or its sibling
	errno syscall.Errno
	stage uintptr // index of the call that failed, see stages
	join  int     // index of the namespace that could not be entered
}

// cloneArgs is struct clone_args of clone3(2), as far as Linux 5.7 reads it (CLONE_INTO_CGROUP).
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal     uint64
	stack, stackSize, tls, setTid, setTidSize, cgroup uint64
}

type join struct {
	fd   uintptr
	kind uintptr // CLONE_NEW*, so that a file of another type is refused by the kernel

	borrowed bool   // fd is somebody else's to close
	deferred bool   // to be entered after the user namespace, whose privileges it takes
	pointer  string // of the path in config.json
	path     string
}

// stages names what rawChild.stage counts.
var stages = [...]string{"clone3", "close_range", "fcntl", "prctl", "prlimit", "setns", "clone", "execveat", "setresgid", "setresuid", "unshare"}

const (
	stageClone = iota
	stageCloseRange
	stageFcntl
	stagePrctl
	stagePrlimit
	stageSetns
	stageSecondClone
	stageExec
	stageSetGID
	stageSetUID
	stageUnshare
)

// initTimerSlack is in nanoseconds.
const initTimerSlack = 5_000_000

const emptyPath = "\x00"

// fork runs the child up to its execveat and reports how that went.
//
// Preconditions: the calling thread outlives the set-up (the child's parent-death signal is tied to it; see Start).
// Postconditions: on success c.pid is the init process, c.pidfd a close-on-exec descriptor of it (of the first child, if
// split). On failure c.errno and c.stage say what the kernel refused; nothing runs and nothing is to be reaped but c.pid.
//
// The clone flags hold CLONE_VM|CLONE_VFORK, as Go's own fork does: no page table is copied, the thread sleeps until the
// child has executed or exited, and both write to the same memory. Two joins rule that out, and the child has a copy, where
// only its result is shared:
//   - of a time namespace: the kernel refuses it to a process which shares its memory, because what it maps of the clocks
//     would change for all;
//   - of a user namespace: the kernel ends vfork's sleep a moment before execve gives the child memory of its own, and until
//     then what we do to ours, make it dumpable again or change its OOM score, would hold for the child as well.
//
// All locals are declared by forkChild's caller, and the child never returns from forkChild.
func (c *rawChild) fork() {
	c.args.pidfd = uint64(uintptr(unsafe.Pointer(&c.pidfd)))
	syscall.ForkLock.Lock()
	c.forkChild()
	afterFork()
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(c)
}

// forkChild holds the fork. From "About to fork" on, in the child: no allocation, no stack growth, no call of a Go function
// that is not assembly or nosplit; nothing but raw system calls on what c holds.
//
//go:noinline
//go:norace
//go:nocheckptr
func (c *rawChild) forkChild() {
	var (
		pid   uintptr
		errno syscall.Errno
		i     int
	)
	// About to fork. beforeFork blocks signals and poisons the stack guard, so it comes after this function's own prologue.
	beforeFork()
	pid, errno = vforkSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&c.args)), unsafe.Sizeof(c.args), 0)
	if errno != 0 {
		c.errno, c.stage = errno, stageClone
		return
	}
	if pid != 0 {
		c.first = pid
		if !c.split {
			c.pid = pid
		}
		return // the parent; afterFork follows in the frame above
	}

	// The child, in the new namespaces and in the cgroup, on the parent's stack.
	afterForkInChild()
	_, _, errno = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, c.firstUnused, uintptr(^uint32(0)), unix.CLOSE_RANGE_CLOEXEC)
	if errno != 0 {
		c.errno, c.stage = errno, stageCloseRange
		goto fail
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, c.wireFd, unix.F_SETFD, 0)
	if errno != 0 {
		c.errno, c.stage = errno, stageFcntl
		goto fail
	}
	if c.nofile != nil {
		_, _, errno = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(c.nofile)), 0, 0, 0)
		if errno != 0 {
			c.errno, c.stage = errno, stagePrlimit
			goto fail
		}
	}
	// The Go runtime of init has a thread that looks around every 20 µs at first; with this slack, which threads inherit, it
	// wakes a hundred times less often. Init takes it back for the main thread. Failing to set it costs nothing but that.
	syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, initTimerSlack, 0, 0, 0, 0)
	for i = 0; i < len(c.joins); i++ {
		_, _, errno = syscall.RawSyscall(unix.SYS_SETNS, c.joins[i].fd, c.joins[i].kind, 0)
		if errno == unix.EPERM && i < c.userJoin {
			c.joins[i].deferred = true
			continue
		}
		if errno != 0 {
			c.errno, c.stage, c.join = errno, stageSetns, i
			goto fail
		}
	}
	if c.userJoin >= 0 {
		for i = 0; i < c.userJoin; i++ {
			if !c.joins[i].deferred {
				continue
			}
			_, _, errno = syscall.RawSyscall(unix.SYS_SETNS, c.joins[i].fd, c.joins[i].kind, 0)
			if errno != 0 {
				c.errno, c.stage, c.join = errno, stageSetns, i
				goto fail
			}
		}
		// Become root of the user namespace, or execve would take the capabilities in it. Groups that may not be dropped are
		// init's to deal with.
		if !c.keepGroups {
			syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
		}
		_, _, errno = syscall.RawSyscall(unix.SYS_SETRESGID, 0, 0, 0)
		if errno != 0 {
			c.errno, c.stage = errno, stageSetGID
			goto fail
		}
		_, _, errno = syscall.RawSyscall(unix.SYS_SETRESUID, 0, 0, 0)
		if errno != 0 {
			c.errno, c.stage = errno, stageSetUID
			goto fail
		}
	}
	if c.split {
		// setns(2) moves only future children into a pid namespace. The second child becomes a sibling of the first
		// (CLONE_PARENT), so that the runtime is its parent and its wait status reaches whoever reaps for the runtime.
		pid, errno = vforkSyscall(unix.SYS_CLONE, c.secondFlags, 0, 0)
		if errno != 0 {
			c.errno, c.stage = errno, stageSecondClone
			goto fail
		}
		if pid != 0 {
			c.pid = pid
			goto fail // the first child's work is done
		}
	}
	// The parent-death signal does not survive being forked, so it is set by the process that will be init.
	_, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	if errno != 0 {
		c.errno, c.stage = errno, stagePrctl
		goto fail
	}
	_, _, errno = syscall.RawSyscall6(unix.SYS_EXECVEAT, c.imageFd, uintptr(unsafe.Pointer(unsafe.StringData(emptyPath))),
		uintptr(unsafe.Pointer(&c.argv[0])), uintptr(unsafe.Pointer(&c.envp[0])), unix.AT_EMPTY_PATH, 0)
	c.errno, c.stage = errno, stageExec

fail:
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 253, 0, 0)
	}
}
