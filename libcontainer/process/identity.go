package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/step"
)

// Identity sets supplementary groups, gid, uid and umask of the calling thread.
//
// The order is fixed: groups and gid while CAP_SETGID is still effective, the uid last. PR_SET_KEEPCAPS saves the permitted
// set across the change (the effective one is cleared all the same, capabilities(7)); execve(2) resets the flag.
//
// Changing the effective ids also clears the parent-death signal, and sets the dumpable attribute to what fs.suid_dumpable
// says, which may be 1 (prctl(2)). The second is undone here: from now on processes of the same user could trace init.
func Identity(id *step.Identity) (warning, err error) {
	if id.UID != 0 {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return nil, &fault.Error{Op: "prctl PR_SET_KEEPCAPS", Err: err}
		}
	}
	if !id.KeepGroups {
		if warning, err = setGroups(id.Groups); err != nil {
			return nil, err
		}
	}
	if err := sys.SetResGID(id.GID); err != nil {
		return warning, idError("setresgid", id.GID, err)
	}
	if err := sys.SetResUID(id.UID); err != nil {
		return warning, idError("setresuid", id.UID, err)
	}
	if err := NonDumpable(); err != nil {
		return warning, err
	}
	if id.HasUmask {
		unix.Umask(int(id.Umask))
	}
	return warning, nil
}

// setGroups tolerates EPERM when there is nothing to set: in a user namespace whose setgroups file says "deny" nobody can
// clear the groups that the runtime's user was in (user_namespaces(7)). They only stay where some are left.
func setGroups(groups []uint32) (warning, err error) {
	err = sys.SetGroups(groups)
	if err == nil {
		return nil, nil
	}
	if len(groups) == 0 && err == unix.EPERM {
		if left, e := unix.Getgroups(); e == nil && len(left) == 0 {
			return nil, nil
		}
		return &fault.Error{Op: "setgroups", Err: err, Hint: "the program keeps the supplementary groups of the caller"}, nil
	}
	e := &fault.Error{Op: "setgroups", Err: err}
	switch err {
	case unix.EINVAL:
		e.Hint = "every id in additionalGids must be mapped in the container's user namespace, and there may be at most 65536"
	case unix.EPERM:
		e.Hint = "this needs CAP_SETGID, and a user namespace in which setgroups is allowed; remove additionalGids"
	}
	return nil, e
}

func idError(op string, id uint32, err error) error {
	e := &fault.Error{Op: op, Path: utoa(id), Err: err}
	switch err {
	case unix.EINVAL:
		e.Hint = "the id has no mapping in the container's user namespace"
	case unix.EAGAIN:
		e.Hint = "the user has as many processes as RLIMIT_NPROC allows"
	}
	return e
}
