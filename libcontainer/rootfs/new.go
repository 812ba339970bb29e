package rootfs

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// mountNew mounts a file system.
func (r *Root) mountNew(m *step.Mount, usernsFd int) error {
	if m.Options.CopyUp && m.Type != "tmpfs" {
		return &fault.Error{Op: "mount option", Path: "tmpcopyup", Err: fault.Text("is for tmpfs, not for " + m.Type)}
	}
	plain := m.Type == "proc" || m.Type == "sysfs"
	var t *target
	var err error
	if plain {
		t, err = r.openPlainTarget(m.Destination)
	} else {
		t, err = r.openTarget(m.Destination, true)
	}
	if err == nil {
		err = r.mountOn(t, m, usernsFd, plain)
		t.close()
	}
	return mountError("mount "+m.Type, m.Destination, err, hint(m.Type, err))
}

// mountOn makes the file system and attaches it; verified says that the destination must lead there afterwards.
func (r *Root) mountOn(t *target, m *step.Mount, usernsFd int, verified bool) error {
	fd, err := newMount(m, usernsFd, t)
	if err != nil {
		return err
	}
	if !verified {
		return r.attach(fd, t, &m.Options)
	}
	mount, err := stat(fd)
	if err != nil {
		unix.Close(fd)
		return called("statx", err)
	}
	if err := r.attach(fd, t, &m.Options); err != nil {
		return err
	}
	return r.verify(t.path, func(st *unix.Statx_t) bool { return st.Mnt_id == mount.Mnt_id && isMountRoot(st) })
}

// newMount returns a detached mount of a new file system for the target.
func newMount(m *step.Mount, usernsFd int, t *target) (int, error) {
	o := m.Options
	if m.Type == "tmpfs" {
		o.Data = likeCovered(&o, t)
	}
	attrs := attrsOfNew(&o)
	if o.CopyUp { // written first, read-only afterwards
		o.Super = slices.DeleteFunc(slices.Clone(o.Super), func(word string) bool { return word == "ro" })
		attrs &^= unix.MOUNT_ATTR_RDONLY
	}
	ctx, err := openContext(m.Type)
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	if m.Source != "" {
		if err := ctx.explain("fsconfig source", unix.FsconfigSetString(ctx.fd, "source", m.Source)); err != nil {
			return -1, err
		}
	}
	if err := ctx.setAll(&o); err != nil {
		return -1, err
	}
	fd, err := ctx.mount(attrs)
	if err == nil && usernsFd >= 0 {
		err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(usernsFd)})
		if err != nil {
			unix.Close(fd)
			return -1, &callError{call: "mount_setattr idmap", errno: err, detail: "file systems of type " + m.Type + " cannot be idmapped with this kernel"}
		}
	}
	if err == nil && m.RootLabel != "" {
		if err = labelRoot(fd, m.RootLabel); err != nil {
			unix.Close(fd)
			return -1, called("setxattr security.selinux", err)
		}
	}
	if err != nil || !o.CopyUp {
		return fd, err
	}
	if !t.created {
		err = called("copy what the image has there", copyUp(t.fd, fd))
	}
	if err == nil && attrsOfNew(&o)&unix.MOUNT_ATTR_RDONLY != 0 {
		err = called("mount_setattr ro", setAttr(fd, 0, step.Attr{Set: unix.MOUNT_ATTR_RDONLY}))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// labelRoot gives the root of a new mount an SELinux context. The descriptor of the mount is a handle only.
func labelRoot(mountFd int, label string) error {
	fd, err := unix.Openat(mountFd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fsetxattr(fd, "security.selinux", []byte(label), 0)
}

// attrsOfNew is what fsmount(2) shall set. A new file system has nothing below it, so the recursive options are for the same
// mount, and whatever is not set is clear.
func attrsOfNew(o *step.MountOptions) uint64 {
	return o.Attr.Set&^o.RecAttr.Clear | o.RecAttr.Set
}

// likeCovered gives a tmpfs without a mode the one of the directory it covers (F17) and, with tmpcopyup, its owner as well.
// Without a directory there it has the kernel's defaults, 1777 and root.
func likeCovered(o *step.MountOptions, t *target) []string {
	data := o.Data
	if t.created {
		return data
	}
	add := func(key string, value uint64, base int) {
		if !slices.ContainsFunc(o.Data, func(option string) bool { return strings.HasPrefix(option, key) }) {
			data = append(slices.Clip(data), key+strconv.FormatUint(value, base))
		}
	}
	add("mode=", uint64(t.st.Mode&0o7777), 8)
	if o.CopyUp {
		add("uid=", uint64(t.st.Uid), 10)
		add("gid=", uint64(t.st.Gid), 10)
	}
	return data
}

// hint says what to do about the two file systems that a user namespace commonly gets in the way of.
func hint(fsType string, err error) string {
	if e, ok := err.(*callError); !ok || e.errno != unix.EPERM {
		return ""
	}
	switch fsType {
	case "sysfs":
		return "sysfs needs a network namespace of the container's own; else bind /sys"
	case "proc":
		return "proc needs a pid namespace of the container's own, and a /proc here that nothing is mounted over"
	}
	return ""
}
