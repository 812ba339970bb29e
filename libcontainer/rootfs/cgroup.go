package rootfs

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// CgroupMount shows the container its cgroups: one cgroup2 file system at the destination itself, or a tmpfs with a directory
// for each hierarchy on hosts that have several.
//
// With a cgroup namespace of its own the container gets fresh mounts, whose root is its own cgroup. Without one it gets binds
// of its own cgroup alone. The attributes, read-only above all, go on every one of these mounts, because a read-only tmpfs does
// not make read-only what is mounted on it (CVE-2023-25809). Superblock options are not passed on: the superblock is the
// host's.
func (r *Root) CgroupMount(m *step.CgroupMount) error {
	t, err := r.openTarget(m.Destination, true)
	if err == nil {
		if len(m.Hierarchies) == 1 && m.Hierarchies[0].Name == "" {
			err = r.cgroupSingle(t, m)
		} else {
			err = r.cgroupTree(t, m)
		}
		t.close()
	}
	return mountError("mount cgroup", m.Destination, err, "")
}

func (r *Root) cgroupSingle(t *target, m *step.CgroupMount) error {
	fd, err := openHierarchy(&m.Hierarchies[0], m)
	if err != nil {
		return err
	}
	return r.attach(fd, t, &m.Options)
}

// cgroupTree attaches the tmpfs first and fills it then: a mount on a mount that is attached nowhere is possible only since
// Linux 6.15. Everything is done relative to its descriptor, and nobody else has had access to it.
func (r *Root) cgroupTree(t *target, m *step.CgroupMount) error {
	ctx, err := openContext("tmpfs")
	if err != nil {
		return err
	}
	defer ctx.close()
	if err := ctx.setAll(&step.MountOptions{Data: []string{"mode=755"}}); err != nil {
		return err
	}
	attrs := attrsOfNew(&m.Options)
	fd, err := ctx.mount(attrs &^ unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := moveMount(fd, t.fd); err != nil {
		return called("move_mount", err)
	}
	defer unix.Umask(unix.Umask(0))
	for i := range m.Hierarchies {
		if err := addHierarchy(fd, &m.Hierarchies[i], m); err != nil {
			return err
		}
	}
	if attrs&unix.MOUNT_ATTR_RDONLY != 0 {
		if err := setAttr(fd, 0, step.Attr{Set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return called("mount_setattr ro", err)
		}
	}
	return propagate(fd, &m.Options)
}

// addHierarchy mounts one hierarchy on a directory of the tmpfs, and makes the links beside it.
func addHierarchy(tmpfsFd int, h *step.CgroupHierarchy, m *step.CgroupMount) error {
	if err := unix.Mkdirat(tmpfsFd, h.Name, 0o755); err != nil {
		return called("mkdir "+h.Name, err)
	}
	dirFd, err := unix.Openat(tmpfsFd, h.Name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return called("open "+h.Name, err)
	}
	defer unix.Close(dirFd)
	fd, err := openHierarchy(h, m)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := moveMount(fd, dirFd); err != nil {
		return called("move_mount "+h.Name, err)
	}
	for _, link := range h.Links {
		if err := unix.Symlinkat(h.Name, tmpfsFd, link); err != nil {
			return called("symlink "+link, err)
		}
	}
	return nil
}

// openHierarchy returns a detached mount that shows a hierarchy from the container's own cgroup down.
func openHierarchy(h *step.CgroupHierarchy, m *step.CgroupMount) (int, error) {
	if m.Namespaced {
		return newHierarchy(h, attrsOfNew(&m.Options))
	}
	fd, err := cloneTree(unix.AT_FDCWD, h.HostPath, 0)
	if err != nil {
		return -1, called("open_tree "+h.HostPath, err)
	}
	if err := setAttrs(fd, &m.Options); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func newHierarchy(h *step.CgroupHierarchy, attrs uint64) (int, error) {
	fsType := "cgroup"
	if h.V2 {
		fsType = "cgroup2"
	}
	ctx, err := openContext(fsType)
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	options := step.MountOptions{Data: slices.Concat([]string{"source=cgroup"}, h.Options)}
	if err := ctx.setAll(&options); err != nil {
		return -1, err
	}
	return ctx.mount(attrs)
}
