package devices

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// chmod changes the mode of an O_PATH descriptor. fchmodat2(2) does it since Linux 6.6; before, there is only the way
// through /proc, which is still the host's while devices are made.
func chmod(fd int, mode uint32) error {
	err := unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH)
	if err == unix.EOPNOTSUPP {
		err = unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
	}
	return err
}
