//go:build !386 && !arm

// The calls of these names take 16-bit ids on the two architectures left out: uid 65536 would become root.

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The functions of the standard library with these names change all threads of the process, by interrupting each of them
// (nptl(7), "User and group IDs"). Init gives its identity up on the one thread that becomes the program; execve(2) ends the
// others. So here they are as the kernel has them: for the calling thread, which must be locked.

// SetGroups sets the supplementary groups of the calling thread; an empty list clears them.
func SetGroups(gids []uint32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(gids)), uintptr(unsafe.Pointer(unsafe.SliceData(gids))), 0)
	return result(errno)
}

// SetResGID sets the real, effective and saved group id of the calling thread.
func SetResGID(gid uint32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid))
	return result(errno)
}

// SetResUID sets the real, effective and saved user id of the calling thread.
func SetResUID(uid uint32) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid))
	return result(errno)
}

// result turns "no errno" into a nil interface.
func result(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
