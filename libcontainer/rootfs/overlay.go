package rootfs

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// overlayMode is that of the root directory of a tmpfs for the writes, and of what is made in it: the root of the container.
const overlayMode = 0o755

// OpenOverlay mounts an overlay on the directory of the root: that directory and the layers above it stay as they are, and
// what the container writes goes to a tmpfs, or to a directory that the runtime has prepared. Mount points that are missing
// in the image are made in the overlay too.
//
// The tmpfs lies on the directory, below the overlay, because the kernel takes an upper directory only from a mount of this
// namespace (clone_private_mount; detached ones since Linux 6.15). Both go with the old root when it is detached.
//
// It takes ownership of trees, see step.OverlayRoot. They are attached like the tree of OpenTree, for the same reason as the
// tmpfs is.
func OpenOverlay(o *step.OverlayRoot, trees []int) (*Root, error) {
	hostPath := o.Path
	if o.Mapped && len(trees) == 0 {
		return nil, &fault.Error{Op: "idmap layers of the overlay on", Path: hostPath, Err: unix.EPERM, Hint: "that takes the host's root, and a mount namespace of the container's own"}
	}
	layers, dirFd, err := openLayers(o, trees)
	defer closeAll(layers)
	defer closeAll([]int{dirFd})
	if err != nil {
		return nil, err
	}
	base, err := openBase(hostPath, layers[len(layers)-1], len(trees) > 0)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	if dirFd < 0 {
		if dirFd, err = newUpper(base, o.Tmpfs); err != nil {
			return nil, overlayError(hostPath, err)
		}
		defer unix.Close(dirFd)
	}
	fd, err := mountOverlay(o, layers, dirFd)
	if err != nil {
		return nil, overlayError(hostPath, err)
	}
	if err := moveMount(fd, base.fd); err != nil { // on top of whatever is there
		unix.Close(fd)
		return nil, overlayError(hostPath, called("move_mount", err))
	}
	return newRoot(fd, hostPath)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// openLayers returns handles on the layers, the uppermost first, and on the directory for the writes, −1 without one. On
// failure it returns what the caller has to close.
func openLayers(o *step.OverlayRoot, trees []int) (layers []int, dirFd int, err error) {
	if len(trees) > 0 {
		layers, dirFd = append(layers, trees[1:1+len(o.Lower)]...), -1
		layers = append(layers, trees[0])
		if o.Dir != "" {
			dirFd = trees[len(trees)-1]
		}
		return layers, dirFd, attachAll(trees)
	}
	for _, path := range append(o.Lower[:len(o.Lower):len(o.Lower)], o.Path) {
		fd, err := openHostDir(path)
		if err != nil {
			return layers, -1, err
		}
		layers = append(layers, fd)
	}
	if o.Dir == "" {
		return layers, -1, nil
	}
	dirFd, err = openHostDir(o.Dir)
	return layers, dirFd, err
}

// attachAll attaches detached mounts where none of them is in the way.
func attachAll(trees []int) error {
	rootFd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unshareParent(rootFd, 0)
		for i := 0; i < len(trees) && err == nil; i++ {
			err = moveMount(trees[i], rootFd)
		}
		unix.Close(rootFd)
	}
	if err != nil {
		return &fault.Error{Op: "attach layers of the overlay", Path: "/", Err: err}
	}
	return nil
}

// openBase returns a mount to attach the others to: the rootfs need not be one, but for a tree it is.
func openBase(hostPath string, lowestFd int, isMount bool) (*Root, error) {
	if !isMount {
		return Open(hostPath)
	}
	fd, err := unix.FcntlInt(uintptr(lowestFd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Error{Op: "open root", Path: hostPath, Err: err}
	}
	return newRoot(fd, hostPath)
}

func overlayError(hostPath string, err error) error {
	e := &fault.Error{Op: "overlay on", Path: hostPath, Err: err}
	if call, ok := err.(*callError); ok {
		switch call.errno {
		case unix.EBUSY:
			e.Hint = "another overlay writes to the directory"
		case unix.EINVAL:
			e.Hint = "the layers must be directories whose file system overlay accepts, and the upper one must keep extended attributes"
		case unix.EROFS:
			e.Hint = "the directory for the writes must be one that root of the container can write to"
		case unix.ELOOP:
			e.Hint = "overlays can be stacked twice at most"
		}
	}
	return e
}

// newUpper mounts a tmpfs for the writes, and returns a handle on it. It has "upper" and "work" in it, as a directory has.
func newUpper(base *Root, tmpfsOptions []string) (int, error) {
	ctx, err := openContext("tmpfs")
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	options := step.MountOptions{Data: append([]string{"mode=0755"}, tmpfsOptions...)}
	if err := ctx.setAll(&options); err != nil {
		return -1, err
	}
	fd, err := ctx.mount(0)
	if err != nil {
		return -1, err
	}
	for _, name := range []string{"upper", "work"} {
		if err == nil {
			err = called("mkdir "+name, unix.Mkdirat(fd, name, overlayMode))
		}
	}
	if err == nil {
		err = called("fchmodat upper", unix.Fchmodat(fd, "upper", overlayMode, 0)) // whatever the umask
	}
	if err == nil {
		err = called("move_mount", moveMount(fd, base.fd))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// mountOverlay returns a detached mount of the layers, the uppermost first. They are named by handles, so that what they
// mean cannot change on the way, and the length of their paths does not matter.
func mountOverlay(o *step.OverlayRoot, layers []int, upperFd int) (int, error) {
	ctx, err := openContext("overlay")
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	if err := ctx.setLower(layers, o.AppendLower); err != nil {
		return -1, err
	}
	upper := handlePath(upperFd)
	for _, pair := range [][2]string{{"upperdir", upper + "/upper"}, {"workdir", upper + "/work"}} {
		if err := ctx.explain("fsconfig "+pair[0], unix.FsconfigSetString(ctx.fd, pair[0], pair[1])); err != nil {
			return -1, err
		}
	}
	if err := ctx.explain("fsconfig source", unix.FsconfigSetString(ctx.fd, "source", "overlay")); err != nil {
		return -1, err
	}
	options := step.MountOptions{Data: o.Options}
	if err := ctx.setAll(&options); err != nil {
		return -1, err
	}
	fd, err := ctx.mount(0)
	if err != nil {
		return -1, err
	}
	// A work directory that cannot be written to makes the overlay read-only, with a word in the kernel's log (ovl_get_workdir).
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil || st.Flags&unix.ST_RDONLY != 0 {
		unix.Close(fd)
		if err == nil {
			err = unix.EROFS
		}
		return -1, called("fsmount", err)
	}
	return fd, nil
}

func handlePath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// setLower names the layers one by one (Linux 6.7), or all in one value, which is at most 255 bytes long.
func (c fsContext) setLower(layers []int, oneByOne bool) error {
	if oneByOne {
		for _, fd := range layers {
			if err := c.explain("fsconfig lowerdir+", unix.FsconfigSetString(c.fd, "lowerdir+", handlePath(fd))); err != nil {
				return err
			}
		}
		return nil
	}
	list := ""
	for i, fd := range layers {
		if i > 0 {
			list += ":"
		}
		list += handlePath(fd)
	}
	if len(list) > maxOptionValue {
		return &callError{call: "fsconfig lowerdir", errno: unix.E2BIG, detail: strconv.Itoa(len(layers)) + " layers need Linux 6.7"}
	}
	return c.explain("fsconfig lowerdir", unix.FsconfigSetString(c.fd, "lowerdir", list))
}
