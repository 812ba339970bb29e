package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/userns"
)

// mapMounts has the files of mounts show other owners (F33 to F35). The kernel takes the mapping as a user namespace, and only
// for a mount that is attached nowhere: a bind is copied and mapped here, with the privileges of the host; a new file system
// is mapped by init, which is given the namespace.
func (c *creation) mapMounts() error {
	for i := range c.plan.IDMaps {
		if err := c.mapMount(&c.plan.IDMaps[i]); err != nil {
			return fault.At(c.plan.IDMaps[i].Pointer, err)
		}
	}
	return nil
}

func (c *creation) mapMount(m *plan.IDMap) error {
	fd, err := c.mappingNamespace(m)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	s := m.Mount
	if !s.Options.Bind {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return &fault.Error{Op: "fcntl", Err: err}
		}
		c.trees = append(c.trees, own)
		s.UserNamespace = len(c.trees)
		return nil
	}
	if s.Tree == 0 {
		tree, err := c.openTree(s.Source, s.Options.Recursive, false, s.Options.SourceNofollow)
		if err != nil {
			return err
		}
		c.trees = append(c.trees, tree)
		s.Tree = len(c.trees)
	}
	flags := uint(unix.AT_EMPTY_PATH)
	if m.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	err = unix.MountSetattr(c.trees[s.Tree-1], "", flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(fd)})
	if err != nil {
		return idmapError(s.Source, err)
	}
	return nil
}

func idmapError(path string, err error) error {
	e := &fault.Error{Op: "idmap", Path: path, Err: err}
	switch err {
	case unix.EINVAL:
		e.Hint = "the file system cannot be idmapped with this kernel, or the mount is idmapped already (mount_setattr(2))"
	case unix.EPERM:
		e.Hint = "it takes CAP_SYS_ADMIN in the user namespace that the file system was mounted in"
	}
	return e
}

// mappingNamespace returns the user namespace with the mappings of a mount: one that is made for it, or the container's. The
// caller closes it.
func (c *creation) mappingNamespace(m *plan.IDMap) (int, error) {
	if len(m.UIDs) == 0 {
		return c.containerNamespace()
	}
	h, err := launch.Hold(unix.CLONE_NEWUSER)
	if err != nil {
		return -1, c.userHint(unix.CLONE_NEWUSER, err)
	}
	defer h.Close()
	if err := userns.WriteMaps(h.Pid, mappings(m.UIDs), mappings(m.GIDs), runMapHelper); err != nil {
		return -1, err
	}
	return h.Open(unix.CLONE_NEWUSER)
}

func (c *creation) containerNamespace() (int, error) {
	for _, held := range c.held {
		if held.Kind == unix.CLONE_NEWUSER {
			fd, err := unix.FcntlInt(uintptr(held.Fd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				return -1, &fault.Error{Op: "fcntl", Err: err}
			}
			return fd, nil
		}
	}
	for _, n := range c.plan.Join {
		if n.Kind == unix.CLONE_NEWUSER {
			fd, err := unix.Open(n.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return -1, &fault.Error{Op: "open namespace", Path: n.Path, Err: err}
			}
			return fd, nil
		}
	}
	return -1, fault.Text("idmap needs mappings, or a user namespace of the container") // package plan has found out before
}
