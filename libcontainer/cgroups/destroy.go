package cgroups

import (
	"errors"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Destroy removes the cgroup in every hierarchy, with all cgroups that the container made below it, and those parents
// that did not exist before and are empty now. A cgroup that existed before create stays, without our device filter.
// What is gone already is no error.
//
// Processes must be dead or dying: Destroy waits for them until the timeout passes, and then names those that are left.
func (m *Manager) Destroy(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	if m.unit != nil {
		return m.stopUnit(deadline)
	}
	var errs []error
	for _, h := range m.hierarchies {
		if h.made == 0 {
			if h.isUnified() {
				errs = append(errs, ignoreGone(h.detachFilters()))
			}
			continue
		}
		if err := h.remove(deadline); err != nil {
			errs = append(errs, err)
			continue
		}
		h.removeParents()
	}
	return errors.Join(errs...)
}

// remove deletes the container's directory of one hierarchy, the quick way first: an empty cgroup takes one system call.
func (h *hierarchy) remove(deadline time.Time) error {
	pause := time.Millisecond
	for first := true; ; first = false {
		err := unix.Rmdir(h.path)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY {
			return &fault.Error{Op: "remove cgroup", Path: h.path, Err: err}
		}
		// It holds processes, or other cgroups, or the kernel is not done with it yet.
		waited, err := h.awaitEmpty(deadline)
		if err := ignoreGone(err); err != nil {
			return h.nameLeft(err)
		}
		removed, err := h.removeBelow()
		if err := ignoreGone(err); err != nil && !errors.Is(err, unix.EBUSY) {
			return err
		}
		if time.Until(deadline) < pause {
			return h.nameLeft(&fault.Error{Op: "remove cgroup", Path: h.path, Err: unix.EBUSY})
		}
		if waited || removed || first {
			continue
		}
		// Only cgroup v1 gets here: it counts dying processes that it does not list, and tells nobody when they are gone.
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// removeBelow removes the cgroups below the container's, the deepest first, and reports whether there was any.
func (h *hierarchy) removeBelow() (removed bool, err error) {
	if _, err := h.open(); err != nil {
		return false, err
	}
	return h.removeChildren()
}

func (d *directory) removeChildren() (removed bool, err error) {
	names, err := d.subdirectories()
	for _, name := range names {
		if err := d.removeChild(name); err != nil {
			return removed, err
		}
		removed = true
	}
	return removed, err
}

func (d *directory) removeChild(name string) error {
	err := unix.Unlinkat(d.dirFd, name, unix.AT_REMOVEDIR)
	if err == unix.EBUSY {
		child, openErr := d.child(name)
		if openErr != nil {
			return ignoreGone(openErr)
		}
		_, err := child.removeChildren()
		child.close()
		if err != nil {
			return err
		}
		err = unix.Unlinkat(d.dirFd, name, unix.AT_REMOVEDIR)
	}
	if err != nil && err != unix.ENOENT {
		return &fault.Error{Op: "remove cgroup", Path: d.path + "/" + name, Err: err}
	}
	return nil
}

// removeParents removes the parents that did not exist before, from below, as long as they are empty: another container
// may use them by now.
func (h *hierarchy) removeParents() {
	dir := h.path
	for range h.made - 1 {
		dir = path.Dir(dir)
		if unix.Rmdir(dir) != nil {
			return
		}
	}
}

// nameLeft adds the processes that still live in the cgroup to an error.
func (h *hierarchy) nameLeft(err error) error {
	if err == nil {
		return nil
	}
	pids, listErr := h.procs()
	if listErr != nil || len(pids) == 0 {
		return err
	}
	var names []string
	for _, pid := range pids {
		names = append(names, strconv.Itoa(pid))
	}
	var e *fault.Error
	if errors.As(err, &e) {
		e.Hint = "processes left: " + someOf(names)
	}
	return err
}

// someOf lists processes in an error line, which should stay one.
func someOf(names []string) string {
	const most = 16
	if more := len(names) - most; more > 0 {
		names = append(names[:most:most], "and "+strconv.Itoa(more)+" more")
	}
	return strings.Join(names, ", ")
}
