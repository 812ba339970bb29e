package rootfs

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// OpenSource returns a detached copy of the mount that a host path lies on, from that path down; recursive takes along what is
// mounted below. Symbolic links are followed on the host, but for the last component with nofollow. The copy may be made in another mount namespace, by somebody who can
// reach the path, and handed to MountTree (F38).
func OpenSource(hostPath string, recursive, nofollow bool) (int, error) {
	flags := uint(0)
	if nofollow {
		flags = unix.AT_SYMLINK_NOFOLLOW
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := cloneTree(unix.AT_FDCWD, hostPath, flags)
	if err == nil {
		return fd, nil
	}
	e := &fault.Error{Op: "bind", Path: hostPath, Err: err}
	switch err {
	case unix.ENOENT:
		e.Hint = "create it or remove the mount"
	case unix.EINVAL:
		e.Hint = "it is unbindable, or has locked mounts below it, which need rbind"
	}
	return -1, e
}

// MakeSlave makes all mounts of a detached tree slaves of those they are copies of.
func MakeSlave(treeFd int) error {
	return setPropagation(treeFd, step.PropagationChange{Flag: unix.MS_SLAVE, Recursive: true})
}

// MountTree is Mount for a bind whose source has been opened by OpenSource. It takes ownership of treeFd.
func (r *Root) MountTree(m *step.Mount, treeFd int) error {
	op := "bind " + strconv.Quote(m.Source)
	source, err := stat(treeFd)
	if err != nil {
		unix.Close(treeFd)
		return mountError(op, m.Destination, err, "")
	}
	open := r.openTarget
	if m.Options.DestinationNofollow {
		open = r.openLinkTarget
	}
	t, err := open(m.Destination, isDir(&source))
	if err != nil {
		unix.Close(treeFd)
		return mountError(op, m.Destination, err, "")
	}
	defer t.close()
	if err := setAttrs(treeFd, &m.Options); err != nil {
		unix.Close(treeFd)
		return mountError(op, m.Destination, err, "")
	}
	return mountError(op, m.Destination, r.attach(treeFd, t, &m.Options), "")
}

// BindConsole shows the terminal slaveFd as /dev/console. The descriptor itself is bound, not its name under /dev/pts, which
// a process on a shared volume could exchange (CVE-2025-52565).
func (r *Root) BindConsole(slaveFd int) error {
	const path = "/dev/console"
	t, err := r.openTarget(path, false)
	if err == nil {
		err = r.bindTerminal(t, slaveFd)
		t.close()
	}
	return mountError("bind the terminal", path, err, "")
}

func (r *Root) bindTerminal(t *target, slaveFd int) error {
	slave, err := stat(slaveFd)
	if err != nil {
		return called("statx", err)
	}
	treeFd, err := cloneTree(slaveFd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return called("open_tree", err)
	}
	if err := r.attach(treeFd, t, &step.MountOptions{}); err != nil {
		return err
	}
	return r.verify(t.path, func(st *unix.Statx_t) bool {
		return isMountRoot(st) && st.Ino == slave.Ino && device(st) == device(&slave)
	})
}
