package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// NumSignals is the highest signal number of the kernel (signal(7); MIPS, which has 128, is not supported).
const NumSignals = 64

const signalIgnore = 1 // SIG_IGN

// sigaction is the kernel's struct, not libc's. Architectures without sa_restorer have the mask in its place; that does not
// matter here, because only the handler is looked at and everything that is written is zero.
type sigaction struct {
	handler  uintptr
	flags    uintptr
	restorer uintptr
	mask     uint64
}

// SignalIgnored says whether the process ignores the signal (SIG_IGN).
func SignalIgnored(signal int) (bool, error) {
	var old sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), 0, uintptr(unsafe.Pointer(&old)), NumSignals/8, 0, 0)
	return old.handler == signalIgnore, result(errno)
}

// SetSignalDefault gives the signal its default action (SIG_DFL). It must not be used on a signal that the Go runtime
// handles.
func SetSignalDefault(signal int) error {
	var def sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&def)), 0, NumSignals/8, 0, 0)
	return result(errno)
}

// ReapChildren says whether the kernel reaps the children of this process itself (SA_NOCLDWAIT of SIGCHLD, sigaction(2)). The
// handler stays whatever it is, and execve(2) takes the flag back.
func ReapChildren(itself bool) error {
	var action sigaction
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), 0, uintptr(unsafe.Pointer(&action)), NumSignals/8, 0, 0)
	if errno != 0 {
		return errno
	}
	const noChildWait = 2 // SA_NOCLDWAIT
	action.flags &^= noChildWait
	if itself {
		action.flags |= noChildWait
	}
	_, _, errno = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(&action)), 0, NumSignals/8, 0, 0)
	return result(errno)
}
