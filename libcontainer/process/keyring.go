package process

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// userSearch is KEY_USR_SEARCH: processes of the owner may search the keyring.
const userSearch = 0x00080000

// Keyring joins the session keyring of this name, and makes it where it does not exist. Without it the program would share
// the session keyring of the runtime's caller, with the keys in it.
//
// Processes of the same user that do not possess the keyring, such as a later exec, may search it, so that they can join it
// by its name. ENOSYS (a kernel without keys) and EPERM (a filter around the runtime) are only worth a warning, as engines
// run in places where both are normal.
func Keyring(name string) (warning, err error) {
	if _, err := unix.KeyctlJoinSessionKeyring(name); err != nil {
		e := &fault.Error{Op: "join session keyring", Path: name, Err: err}
		switch err {
		case unix.ENOSYS, unix.EPERM:
			return e, nil
		case unix.EDQUOT:
			e.Hint = "the user has too many keys: raise /proc/sys/kernel/keys/maxkeys, or use --no-new-keyring"
		}
		return nil, e
	}
	if err := allowSearch(); err != nil {
		return nil, &fault.Error{Op: "set permissions of session keyring", Path: name, Err: err}
	}
	return nil, nil
}

func allowSearch() error {
	const ring = unix.KEY_SPEC_SESSION_KEYRING // joining returns 0, not the serial, where it is the session keyring already
	// "type;uid;gid;perm;description" with perm in hexadecimal (keyctl_describe(3)). The buffer holds the longest name that
	// we make; a cut description would still have its first four fields.
	var buf [512]byte
	n, err := unix.KeyctlBuffer(unix.KEYCTL_DESCRIBE, ring, buf[:], 0)
	if err != nil {
		return err
	}
	fields := strings.SplitN(string(buf[:min(n, len(buf))]), ";", 5)
	if len(fields) < 5 {
		return unix.EBADMSG
	}
	perm, err := strconv.ParseUint(fields[3], 16, 32)
	if err != nil {
		return unix.EBADMSG
	}
	if perm&userSearch != 0 {
		return nil
	}
	return unix.KeyctlSetperm(ring, uint32(perm)|userSearch)
}
