package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Stdio makes the container's user the owner of descriptors 0 to 2, so that the program can open /dev/stderr again. The group
// stays: a terminal's is "tty", whose members may write to it.
//
// /dev/null is left alone, it belongs to the host. EPERM (a user namespace that does not own the file), EINVAL (the owner
// has no mapping) and EROFS are fine: the program then uses the open descriptors only.
func Stdio(uid uint32) error {
	for fd := 0; fd <= 2; fd++ {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return &fault.Error{Op: "fstat of descriptor " + utoa(uint32(fd)), Err: err}
		}
		if st.Uid == uid || isNull(&st) {
			continue
		}
		switch err := unix.Fchown(fd, int(uid), -1); err {
		case nil, unix.EPERM, unix.EINVAL, unix.EROFS:
		default:
			return &fault.Error{Op: "fchown of descriptor " + utoa(uint32(fd)), Err: err}
		}
	}
	return nil
}

// isNull recognises /dev/null by its device number 1:3, whatever it is called.
func isNull(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == unix.Mkdev(1, 3)
}
