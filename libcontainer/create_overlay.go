package libcontainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/overlay"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/state"
)

// A directory for the writes of an overlay root has three entries, all made here:
//
//	upper    what the container writes; it stays when the container is deleted
//	work     the kernel's; it goes
//	owner    the runtime root and the id of the container that uses the directory; it goes
//
// The kernel does not refuse a second overlay with the same upper directory, and both would be broken (overlayfs.rst,
// "Sharing and copying layers"), so owner does.

// planOverlay reads what is asked for.
func (c *creation) planOverlay(in *plan.Input) (err error) {
	if c.overlay, err = overlay.Parse(c.o.Overlay, c.spec.Annotations); err != nil || c.overlay == nil {
		return err
	}
	in.Overlay, in.AppendLower = c.overlay, kernelAtLeast(6, 7)
	for _, layer := range c.overlay.Lower {
		if err := checkDirectory("layer", fault.Ptr("annotations", overlay.AnnotationLower), layer); err != nil {
			return err
		}
	}
	if c.overlay.Dir == "" {
		return nil
	}
	pointer := "" // of the flag there is none
	if c.o.Overlay == "" {
		pointer = fault.Ptr("annotations", overlay.Annotation)
	}
	if err := checkDirectory("directory of the overlay", pointer, c.overlay.Dir); err != nil {
		return err
	}
	if root := c.spec.Root.Path; isBelow(c.overlay.Dir, absolute(c.bundle, root)) {
		return &fault.Error{
			Pointer: pointer, Op: "directory of the overlay", Path: c.overlay.Dir, Err: fault.Text("lies in the root filesystem"),
			Hint: "it would be a part of what it lies above; give the container a directory elsewhere",
		}
	}
	return nil
}

func absolute(base, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}

// isBelow compares the directories themselves: paths may lead through links and bind mounts.
func isBelow(dir, root string) bool {
	top, err := os.Stat(root)
	if err != nil {
		return false // said elsewhere
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && os.SameFile(info, top) {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// kernelAtLeast compares the release of the running kernel; one that cannot be read is old.
func kernelAtLeast(major, minor int) bool {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return false
	}
	first, rest, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), ".")
	second, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(strings.TrimRight(second, "-+abcdefghijklmnopqrstuvwxyz"))
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}

// recordOverlay is what delete has to know. It is on disk before anything is made.
func recordOverlay(c *overlay.Config) *state.Overlay {
	if c == nil {
		return nil
	}
	r := &state.Overlay{Dir: c.Dir}
	if c.Dir != "" {
		_, err := os.Lstat(filepath.Join(c.Dir, "upper"))
		r.MakesUpper = os.IsNotExist(err)
	}
	return r
}

// makeOverlay prepares the directory.
func (c *creation) makeOverlay() error {
	if c.overlay == nil || c.overlay.Dir == "" {
		return nil
	}
	owner, err := c.overlayOwner(c.o.ID)
	if err != nil {
		return err
	}
	if err := ownOverlay(c.overlay.Dir, owner); err != nil {
		return err
	}
	uid, gid := c.overlayIDs()
	for _, name := range []string{"upper", "work"} {
		if err := makeOverlayDir(filepath.Join(c.overlay.Dir, name), uid, gid); err != nil {
			return &fault.Error{Op: "make directory of the overlay", Path: filepath.Join(c.overlay.Dir, name), Err: errnoOf(err)}
		}
	}
	return nil
}

// overlayIDs are those of root of the container in the directory, −1 for the runtime's own.
func (c *creation) overlayIDs() (uid, gid int) {
	l := c.spec.Linux
	if !c.plan.UserNamespace || c.overlay.Mapped || os.Geteuid() != 0 || len(l.UIDMappings) == 0 || len(l.GIDMappings) == 0 {
		return -1, -1
	}
	u, _ := hostID(l.UIDMappings, 0)
	g, _ := hostID(l.GIDMappings, 0)
	return int(u), int(g)
}

// makeOverlayDir makes one, whatever the umask: "upper" is the root of the container, which all its users have to pass. One
// that is there is left as it is, and is no link to somewhere else.
func makeOverlayDir(path string, uid, gid int) error {
	err := os.Mkdir(path, 0o755)
	if err == nil {
		return errors.Join(os.Chmod(path, 0o755), os.Lchown(path, uid, gid))
	}
	if st, e := os.Lstat(path); os.IsExist(err) && e == nil && st.IsDir() {
		return nil
	}
	return err
}

// overlayOwner is what the owner file says: where the record of the container is, from any working directory.
func (r *Runtime) overlayOwner(id string) (string, error) {
	root, err := filepath.Abs(r.Root)
	if err != nil {
		return "", &fault.Error{Op: "runtime root", Path: r.Root, Err: errnoOf(err)}
	}
	return root + "\n" + id + "\n", nil
}

// removeOverlay removes what makeOverlay has made, but what the container has written; that too if nothing has run yet. A
// directory that another container owns is left alone: create got no further than to see that.
func (r *Runtime) removeOverlay(record *state.Record, written bool) error {
	o := record.Overlay
	if o == nil || o.Dir == "" {
		return nil
	}
	owner, err := r.overlayOwner(record.ID)
	if err != nil {
		return err
	}
	dirFd, err := openOverlayDir(o.Dir)
	if err != nil {
		return nil
	}
	text, err := readOwner(dirFd)
	unix.Close(dirFd)
	if err != nil || text != owner {
		return nil
	}
	names := []string{"work"}
	if o.MakesUpper && !written {
		names = append(names, "upper")
	}
	for _, name := range append(names, "owner") {
		if err := removeTree(filepath.Join(o.Dir, name)); err != nil {
			return &fault.Error{Op: "remove directory of the overlay", Path: filepath.Join(o.Dir, name), Err: errnoOf(err)}
		}
	}
	return nil
}

// removeTree is os.RemoveAll for a user who is not root as well: the kernel makes directories in "work" that their owner
// may not read.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if !os.IsPermission(err) {
		return err
	}
	walkErr := filepath.WalkDir(path, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(path, 0o700) // before it is read
		}
		return nil
	})
	return errors.Join(walkErr, os.RemoveAll(path))
}
