package libcontainer

import (
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
		if err := checkDirectory(fault.Ptr("annotations", overlay.AnnotationLower), layer); err != nil {
			return err
		}
	}
	if c.overlay.Dir == "" {
		return nil
	}
	return checkDirectory("", c.overlay.Dir)
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
	if err := ownOverlay(c.overlay.Dir, c.Root, c.o.ID); err != nil {
		return err
	}
	for _, name := range []string{"upper", "work"} {
		path := filepath.Join(c.overlay.Dir, name)
		if err := os.Mkdir(path, 0o755); err != nil && !os.IsExist(err) {
			return &fault.Error{Op: "make directory of the overlay", Path: path, Err: errnoOf(err)}
		}
	}
	return nil
}

// ownOverlay writes the owner file. A lock on the directory keeps two creates apart; a file of a container that is gone is
// taken over.
func ownOverlay(dir, root, id string) error {
	dirFd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fault.Error{Op: "open directory of the overlay", Path: dir, Err: err}
	}
	defer unix.Close(dirFd)
	if err := unix.Flock(dirFd, unix.LOCK_EX); err != nil {
		return &fault.Error{Op: "lock directory of the overlay", Path: dir, Err: err}
	}
	file := filepath.Join(dir, "owner")
	text, err := os.ReadFile(file)
	if err == nil {
		ownerRoot, owner, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		if owner != id && usesOverlay(ownerRoot, owner, dir) {
			return &fault.Error{Op: "overlay", Path: dir, Err: unix.EBUSY, Hint: "container " + owner + " below " + ownerRoot + " writes to it; give this one a directory of its own"}
		}
	}
	if err := os.WriteFile(file, []byte(root+"\n"+id+"\n"), 0o600); err != nil {
		return &fault.Error{Op: "write", Path: file, Err: errnoOf(err)}
	}
	return nil
}

// usesOverlay asks the record of a container, wherever it is.
func usesOverlay(root, id, dir string) bool {
	d, err := state.OpenDir(root, id)
	if err != nil {
		return false
	}
	defer d.Close()
	record, err := d.Load()
	return err == nil && record.Overlay != nil && record.Overlay.Dir == dir
}

// removeOverlay removes what makeOverlay has made, but what the container has written; that too if nothing has run yet. A
// directory that another container owns is left alone: create got no further than to see that.
func (r *Runtime) removeOverlay(record *state.Record, written bool) error {
	o := record.Overlay
	if o == nil || o.Dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(o.Dir, "owner"))
	if err != nil || string(text) != r.Root+"\n"+record.ID+"\n" {
		return nil
	}
	names := []string{"work"}
	if o.MakesUpper && !written {
		names = append(names, "upper")
	}
	for _, name := range append(names, "owner") {
		if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
			return &fault.Error{Op: "remove directory of the overlay", Path: filepath.Join(o.Dir, name), Err: errnoOf(err)}
		}
	}
	return nil
}
