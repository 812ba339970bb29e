package cgroups

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Create makes the container's directory in each hierarchy, and enables the controllers of the unified one for it.
//
// On failure whatever it made is gone again, and the manager is empty: nothing can be killed or removed with it.
func (m *Manager) Create() error {
	if m.refused != nil {
		return m.refused
	}
	if m.unit != nil {
		return nil // systemd makes it for a process, which Add names
	}
	var made []string
	for _, h := range m.hierarchies {
		dirs, err := h.create()
		made = append(made, dirs...)
		if err == nil && h.isUnified() {
			err = m.prepareUnified(h)
		}
		if err != nil {
			m.refuse(err)
			for _, dir := range slices.Backward(made) {
				_ = unix.Rmdir(dir) // the first error is the one to tell
			}
			return err
		}
	}
	if h := m.unified(); h != nil {
		m.fresh = h.made > 0
	}
	return nil
}

// create makes the missing directories of one hierarchy and returns them, parents first.
func (h *hierarchy) create() (made []string, err error) {
	names := strings.Split(h.path[len(h.mount)+1:], "/")
	if h.made > 0 {
		if made, err = h.makeDirs(names); err != nil {
			return made, err
		}
	}
	if slices.Contains(h.controllers, "cpuset") {
		return made, inheritCpuset(h.mount, names)
	}
	return made, nil
}

// makeDirs makes the container's directory; if a parent is missing, also the parents. That a parent appears or vanishes
// at the same time is no error: other containers share it.
func (h *hierarchy) makeDirs(names []string) (made []string, err error) {
	err = unix.Mkdir(h.path, 0o755)
	if err == unix.ENOENT {
		dir := h.mount
		for _, name := range names[:len(names)-1] {
			dir += "/" + name
			switch err := unix.Mkdir(dir, 0o755); err {
			case nil:
				made = append(made, dir)
			case unix.EEXIST:
			default:
				return made, &fault.Error{Op: "make cgroup", Pointer: pointerPath, Path: dir, Err: err}
			}
		}
		err = unix.Mkdir(h.path, 0o755)
	}
	switch err {
	case nil:
		return append(made, h.path), nil
	case unix.EEXIST: // New did not see it: it is another container's
		return made, inUse(h.path, "has appeared just now")
	}
	return made, &fault.Error{Op: "make cgroup", Pointer: pointerPath, Path: h.path, Err: err}
}

// checkUnused refuses a cgroup that something runs in, or that is frozen (J11).
func (h *hierarchy) checkUnused() error {
	if h.isUnified() {
		events, err := h.events()
		switch {
		case err != nil:
			return err
		case events.populated:
			return inUse(h.path, "holds processes")
		}
		return nil // prepareUnified looks whether it is frozen
	}
	pids, err := h.procs()
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		return inUse(h.path, "holds processes")
	}
	if slices.Contains(h.controllers, "freezer") {
		state, err := h.read("freezer.state")
		if err == nil && state != "THAWED" {
			return inUse(h.path, "is frozen")
		}
	}
	return nil
}

// prepareUnified enables controllers, and makes sure that a process can be started in the cgroup: in a frozen one it
// would stop before its first instruction, while the runtime waits for it.
func (m *Manager) prepareUnified(h *hierarchy) error {
	if err := m.enableControllers(h); err != nil {
		return err
	}
	if h.made == 1 && strings.Count(m.path, "/") == 1 {
		return nil // a new child of the root, which is neither threaded nor frozen
	}
	events, err := h.events()
	if err != nil {
		return err
	}
	if events.frozen {
		return inUse(h.path, "is frozen, or in a frozen one")
	}
	// A cgroup whose parent is threaded is "domain invalid" until it becomes threaded too (cgroup-v2.rst, "Threads"), and
	// threaded cgroups have neither memory limits nor a process list of their own.
	kind, err := h.read("cgroup.type")
	if err != nil && !errors.Is(err, unix.ENOENT) { // the root of a hierarchy has no such file
		return err
	}
	if kind == "domain invalid" || kind == "threaded" {
		return &fault.Error{
			Op: "make cgroup", Pointer: pointerPath, Path: h.path, Err: fault.Text("its type is " + kind + ", which cannot hold a container"),
			Hint: "choose a path without threaded cgroups above it",
		}
	}
	return nil
}

func inUse(path, why string) error {
	return &fault.Error{
		Op: "make cgroup", Pointer: pointerPath, Path: path, Err: fault.Text(why),
		Hint: "use another path, or remove what is left there",
	}
}
