package launch

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// holdSyscall makes a child that shares our memory, unshares what unshare says, writes 0 or a negative errno to *result, and
// then sleeps until it is killed, at the latest by our death (hold_*.s). It is not marked noescape: what the child and the
// kernel write to must not lie on a stack that may move.
func holdSyscall(args unsafe.Pointer, size, parent, unshare uintptr, result *int64) (r1 int64)

// held is what the kernel and the child write to.
type held struct {
	args   cloneArgs
	pidfd  int32
	result int64
}

// heldPending is the result of a child that has not come so far.
const heldPending = 1

// hold makes a process that does nothing but be in new namespaces: those of flags from its first moment, those of unshare
// afterwards. stage says what errno is about; a pid that is not 0 is to be killed even then.
//
// It shares memory and descriptors with us, so it costs no copy of anything.
func hold(flags, unshare uint64) (pid, pidfd int, stage uintptr, errno syscall.Errno) {
	h := &held{pidfd: -1, result: heldPending}
	h.args.flags = flags | unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_PIDFD
	h.args.pidfd = uint64(uintptr(unsafe.Pointer(&h.pidfd)))
	h.args.exitSignal = uint64(unix.SIGCHLD)
	r := h.fork(uintptr(unix.Getpid()), uintptr(unshare))
	if r < 0 {
		return 0, -1, stageClone, syscall.Errno(-r)
	}
	pid, pidfd = int(r), int(h.pidfd)
	ended := []unix.PollFd{{Fd: h.pidfd, Events: unix.POLLIN}}
	for {
		switch r := atomic.LoadInt64(&h.result); {
		case r == 0:
			return pid, pidfd, 0, 0
		case r < 0:
			return pid, pidfd, stageUnshare, syscall.Errno(-r)
		}
		if n, _ := unix.Ppoll(ended, &unix.Timespec{Nsec: int64(20 * time.Microsecond)}, nil); n == 1 {
			return pid, pidfd, stageClone, unix.ECHILD // killed by somebody
		}
	}
}

// fork is rawChild.fork for the holder: nothing between the two hooks may grow the stack. The signals that beforeFork blocks
// stay blocked in the child, where a handler would run on the stack that it shares.
//
//go:noinline
//go:norace
//go:nocheckptr
func (h *held) fork(parent, unshare uintptr) (r int64) {
	syscall.ForkLock.Lock()
	beforeFork()
	r = holdSyscall(unsafe.Pointer(&h.args), unsafe.Sizeof(h.args), parent, unshare, &h.result)
	afterFork()
	syscall.ForkLock.Unlock()
	return r
}
