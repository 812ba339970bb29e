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
func OpenOverlay(o *step.OverlayRoot) (*Root, error) {
	hostPath := o.Path
	lowestFd, err := openHostDir(hostPath)
	if err != nil {
		return nil, err
	}
	defer unix.Close(lowestFd)
	layers := []int{}
	defer func() {
		for _, fd := range layers {
			unix.Close(fd)
		}
	}()
	for _, path := range o.Lower {
		fd, err := openHostDir(path)
		if err != nil {
			return nil, err
		}
		layers = append(layers, fd)
	}
	// A mount is wanted to attach the others to, and the rootfs need not be one.
	base, err := Open(hostPath)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	upperFd, err := openUpper(base, o)
	if err != nil {
		return nil, overlayError(hostPath, err)
	}
	defer unix.Close(upperFd)
	fd, err := mountOverlay(o, append(layers, lowestFd), upperFd)
	if err != nil {
		return nil, overlayError(hostPath, err)
	}
	if err := moveMount(fd, base.fd); err != nil { // on top of whatever is there
		unix.Close(fd)
		return nil, overlayError(hostPath, called("move_mount", err))
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
		case unix.ELOOP:
			e.Hint = "overlays can be stacked twice at most"
		}
	}
	return e
}

// openUpper returns a handle on a directory that has "upper" and "work" in it.
func openUpper(base *Root, o *step.OverlayRoot) (int, error) {
	if o.Dir != "" {
		fd, err := unix.Open(o.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return fd, called("open "+o.Dir, err)
	}
	ctx, err := openContext("tmpfs")
	if err != nil {
		return -1, err
	}
	defer ctx.close()
	options := step.MountOptions{Data: append([]string{"mode=0755"}, o.Tmpfs...)}
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
	return ctx.mount(0)
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
