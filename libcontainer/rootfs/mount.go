package rootfs

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// Mount carries out one entry of config.json's mounts.
func (r *Root) Mount(m *step.Mount) error { return r.MountMapped(m, -1) }

// MountMapped is Mount; a new file system shows owners as the user namespace maps them, −1 for as they are. The descriptor
// stays the caller's.
func (r *Root) MountMapped(m *step.Mount, usernsFd int) error {
	switch {
	case m.Options.Remount:
		return r.remount(m)
	case m.Options.Bind:
		if m.LinkTarget != "" {
			return r.symlink(m)
		}
		treeFd, err := OpenSource(m.Source, m.Options.Recursive, m.Options.SourceNofollow)
		if err != nil {
			return fault.At("source", err)
		}
		return r.MountTree(m, treeFd)
	}
	return r.mountNew(m, usernsFd)
}

// target is the file or directory inside the root that a mount goes on.
type target struct {
	path    string
	fd      int
	st      unix.Statx_t
	created bool // it did not exist before
}

func (t *target) close() { unix.Close(t.fd) }

// openTarget opens a destination and creates what is missing of it: directories, and for dir == false an empty file.
func (r *Root) openTarget(path string, dir bool) (*target, error) {
	t := &target{path: path}
	var err error
	t.fd, err = r.paths().Open(path)
	if err == unix.ENOENT {
		t.created = true
		if dir {
			t.fd, err = r.paths().MkdirAll(path, 0o755)
		} else {
			t.fd, err = r.paths().CreateFile(path, 0o644)
		}
	}
	if err != nil {
		return nil, called("open", err)
	}
	return r.inspect(t, dir)
}

// openPlainTarget opens a destination that must be a directory without any symbolic link on the way. A proc or sysfs that
// lands elsewhere leaves an image in charge of /proc (CVE-2019-19921, CVE-2023-27561).
func (r *Root) openPlainTarget(path string) (*target, error) {
	t := &target{path: path}
	var err error
	t.fd, err = r.paths().OpenPlain(path)
	if err == unix.ENOENT {
		t.created = true
		var madeFd int
		if madeFd, err = r.paths().MkdirAll(path, 0o755); err == nil {
			unix.Close(madeFd)
			t.fd, err = r.paths().OpenPlain(path)
		}
	}
	if err == unix.ELOOP {
		return nil, &callError{call: "open", errno: err, detail: "it must be a directory, without a symbolic link on the way"}
	}
	if err != nil {
		return nil, called("open", err)
	}
	return r.inspect(t, true)
}

// inspect completes an opened target, and closes it if nothing may be mounted there.
func (r *Root) inspect(t *target, dir bool) (*target, error) {
	var err error
	t.st, err = stat(t.fd)
	switch {
	case err != nil:
		err = called("statx", err)
	case isDir(&t.st) && !dir:
		err = &callError{call: "open", errno: unix.ENOTDIR, detail: "a file cannot be mounted on a directory"}
	case !isDir(&t.st) && dir:
		err = &callError{call: "open", errno: unix.ENOTDIR, detail: "a directory cannot be mounted on a file"}
	default:
		err = r.checkProc(t)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// isRoot says whether the target is the root itself, by whatever path.
func (r *Root) isRoot(t *target) bool { return t.st.Mnt_id == r.mntID && t.st.Ino == r.ino }

// attach moves the detached mount fd onto the target, applies the propagation options in listed order, and closes fd. A
// mount on the root becomes the root (F8).
func (r *Root) attach(fd int, t *target, o *step.MountOptions) error {
	if r.inside {
		return r.attachInside(fd, t, o)
	}
	if err := moveMount(fd, t.fd); err != nil {
		unix.Close(fd)
		return called("move_mount", err)
	}
	if r.isRoot(t) {
		unix.Close(r.fd)
		r.fd = fd
		if err := r.identify(); err != nil {
			return called("statx", err)
		}
	} else {
		defer unix.Close(fd)
	}
	return propagate(fd, o)
}

func propagate(fd int, o *step.MountOptions) error {
	for _, change := range o.Propagation {
		if err := setPropagation(fd, change); err != nil {
			return called("change propagation", err)
		}
	}
	return nil
}

// setAttrs applies the attribute options to the mount whose root is fd: first those of the mount itself, which for a
// recursive bind means the topmost mount alone, then the recursive ones.
func setAttrs(fd int, o *step.MountOptions) error {
	if o.Attr != (step.Attr{}) {
		if err := setAttr(fd, 0, o.Attr); err != nil {
			return attrError(o.Attr, err)
		}
	}
	if o.RecAttr != (step.Attr{}) {
		if err := setAttr(fd, unix.AT_RECURSIVE, o.RecAttr); err != nil {
			return attrError(o.RecAttr, err)
		}
	}
	return nil
}

// remount changes the options of a mount that is already there: its attributes and, unless it is a bind, its superblock.
// What is not named stays as it is.
func (r *Root) remount(m *step.Mount) error {
	fd, err := r.paths().Open(m.Destination)
	if err != nil {
		return &fault.Error{Op: "remount", Path: m.Destination, Err: err}
	}
	defer unix.Close(fd)
	err = r.reconfigure(fd, m)
	if err == nil {
		err = setAttrs(fd, &m.Options)
	}
	if err == nil {
		err = propagate(fd, &m.Options)
	}
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: "remount", Path: m.Destination, Err: err}
	if st, err := stat(fd); err == nil && !isMountRoot(&st) {
		e.Hint = "nothing is mounted there"
	}
	return e
}

// reconfigure changes a superblock.
func (r *Root) reconfigure(fd int, m *step.Mount) error {
	if m.Options.Bind || len(m.Options.Super)+len(m.Options.Data) == 0 {
		return nil
	}
	ctx, err := pickContext(fd)
	if err != nil {
		return err
	}
	defer ctx.close()
	if err := ctx.setAll(&m.Options); err != nil {
		return err
	}
	return ctx.explain("fsconfig", unix.FsconfigReconfigure(ctx.fd))
}
