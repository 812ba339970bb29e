package sys

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccompSetModeFilter is SECCOMP_SET_MODE_FILTER of seccomp(2), which x/sys/unix does not name.
const seccompSetModeFilter = 1

// sockFilterSize is the size of struct sock_filter.
const sockFilterSize = 8

// SeccompLoad puts a filter on the calling thread: an array of struct sock_filter in native byte order, with
// SECCOMP_FILTER_FLAG_* bits.
//
// Preconditions: the goroutine is locked to its thread; the thread has no_new_privs or CAP_SYS_ADMIN in its user namespace
// (else EACCES). Postconditions: no memory was allocated.
//
// The raw system call keeps the Go scheduler out: on the way back from any other it may use futex(2), which the new filter
// need not allow.
func SeccompLoad(filter []byte, flags uint32) error {
	program, ok := filterProgram(filter)
	if !ok {
		return unix.EINVAL
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	return result(errno)
}

func filterProgram(filter []byte) (program unix.SockFprog, ok bool) {
	if len(filter) == 0 || len(filter)%sockFilterSize != 0 || len(filter)/sockFilterSize > unix.BPF_MAXINSNS {
		return program, false
	}
	program.Len = uint16(len(filter) / sockFilterSize)
	program.Filter = (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(filter)))
	return program, true
}

// listenerTaken is what SeccompListen waits for. It does not move, unlike what lies on a stack.
var listenerTaken uint32

// ListenerTaken is the address of the word that ends the wait of SeccompListen once another process writes anything but 0
// to it (process_vm_writev(2)).
func ListenerTaken() uint64 { return uint64(uintptr(unsafe.Pointer(&listenerTaken))) }

// maxSpins bounds the wait of SeccompListen: half a minute or so.
const maxSpins = 1 << 35

// SeccompListen is SeccompLoad with SECCOMP_FILTER_FLAG_NEW_LISTENER among the flags. The kernel gives the listener the
// lowest free descriptor. The function then waits until somebody who has taken a copy of it says so, and makes no system
// call meanwhile: the filter may stop any of them until the listener is with the agent that answers. So it spins, for the
// microseconds that takes; ETIMEDOUT after much longer than that.
//
// Preconditions: as for SeccompLoad; the Go runtime preempts nothing by signals that have been ignored since.
func SeccompListen(filter []byte, flags uint32) error {
	program, ok := filterProgram(filter)
	if !ok {
		return unix.EINVAL
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	for range maxSpins {
		if atomic.LoadUint32(&listenerTaken) != 0 {
			return nil
		}
	}
	return unix.ETIMEDOUT
}

// HaveSeccompFlags asks the kernel whether it knows these SECCOMP_FILTER_FLAG_* bits in this combination. The kernel looks
// at the flags first and at the missing program second: EFAULT means that it liked the flags, EINVAL that it did not.
func HaveSeccompFlags(flags uint32) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(flags), 0)
	return errno == unix.EFAULT
}
