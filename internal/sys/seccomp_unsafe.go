package sys

import (
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
	if len(filter) == 0 || len(filter)%sockFilterSize != 0 || len(filter)/sockFilterSize > unix.BPF_MAXINSNS {
		return unix.EINVAL
	}
	program := unix.SockFprog{
		Len:    uint16(len(filter) / sockFilterSize),
		Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(filter))),
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(flags), uintptr(unsafe.Pointer(&program)))
	return result(errno)
}

// HaveSeccompFlags asks the kernel whether it knows these SECCOMP_FILTER_FLAG_* bits in this combination. The kernel looks
// at the flags first and at the missing program second: EFAULT means that it liked the flags, EINVAL that it did not.
func HaveSeccompFlags(flags uint32) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, seccompSetModeFilter, uintptr(flags), 0)
	return errno == unix.EFAULT
}
