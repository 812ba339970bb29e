package cgroups

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// enableControllers makes every controller of the hierarchy's root available in the container's cgroup: engines read
// memory.current and its likes there whether there is a limit or not. A controller passes from a cgroup to its children
// if the parent's cgroup.subtree_control names it (J12).
//
// A controller that cannot be enabled is an error only once a limit asks for it, so the reason is kept for then.
func (m *Manager) enableControllers(h *hierarchy) error {
	available, err := readControllers(h.mount)
	if err != nil || available == "" { // all are in v1
		return err
	}
	enabled, err := h.read("cgroup.controllers")
	if err != nil || sameFields(enabled, available) {
		return err
	}
	dir := &directory{path: h.mount, dirFd: -1}
	defer func() { dir.close() }()
	for _, name := range strings.Split(h.path[len(h.mount)+1:], "/") {
		if err := m.enableForChildren(dir); err != nil {
			return err
		}
		next, err := dir.child(name)
		if err != nil {
			return err
		}
		dir.close()
		dir = next
	}
	return nil
}

// readControllers reads the controllers of a hierarchy's root, whose directory need not be opened for that.
func readControllers(mount string) (string, error) {
	return readPath(mount + "/cgroup.controllers")
}

// enableForChildren adds what a cgroup has to its subtree_control.
func (m *Manager) enableForChildren(d *directory) error {
	if _, err := d.open(); err != nil {
		return err
	}
	available, err := d.read("cgroup.controllers")
	if err != nil {
		return err
	}
	enabled, err := d.read("cgroup.subtree_control")
	if err != nil {
		return err
	}
	present := strings.Fields(enabled)
	var lacking []string
	for _, controller := range strings.Fields(available) {
		if !slices.Contains(present, controller) {
			lacking = append(lacking, "+"+controller)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	err = d.write("cgroup.subtree_control", strings.Join(lacking, " "))
	if err == nil || errors.Is(err, unix.EBUSY) {
		// EBUSY: the cgroup holds processes. The threaded controllers could still be enabled alone, but that would turn it
		// into a threaded domain, and the container's cgroup into one that no process can enter.
		m.noteEnable(lacking, err)
		return nil
	}
	// The kernel takes all or nothing, and may refuse one alone: cpu, for example, while realtime processes exist.
	for _, controller := range lacking {
		m.noteEnable([]string{controller}, d.write("cgroup.subtree_control", controller))
	}
	return nil
}

// noteEnable keeps the reason, if there is one.
func (m *Manager) noteEnable(controllers []string, err error) {
	if err != nil {
		m.notEnabled = append(m.notEnabled, notEnabled{controllers, explainEnable(err)})
	}
}

// whyNotEnabled is the reason in the deepest cgroup that has the controller: those above have passed it on.
func (m *Manager) whyNotEnabled(controller string) error {
	for _, n := range slices.Backward(m.notEnabled) {
		if slices.Contains(n.controllers, "+"+controller) {
			return n.err
		}
	}
	return nil
}

// explainEnable says what the errnos of cgroup.subtree_control mean (cgroup-v2.rst, "No Internal Process Constraint" and
// "Threads").
func explainEnable(err error) error {
	e, ok := err.(*fault.Error)
	if !ok {
		return err
	}
	switch e.Err {
	case unix.EBUSY:
		e.Hint = "this cgroup holds processes; move them to a cgroup below it, or let systemd make the container's (--systemd-cgroup)"
	case unix.EOPNOTSUPP:
		e.Hint = "this cgroup is threaded"
	case unix.EACCES, unix.EPERM:
		e.Hint = "this cgroup has not been delegated"
	}
	return e
}

func sameFields(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
