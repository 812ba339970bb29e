package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/state"
)

// Kill sends a signal to the init process, or to every process of the container. It takes no lock: a container whose
// hooks hang must be killable.
func (r *Runtime) Kill(id string, o KillOptions) error { return verb("kill", id, r.kill(id, o)) }

func (r *Runtime) kill(id string, o KillOptions) error {
	d, record, err := r.open(id)
	if err != nil {
		return err
	}
	defer d.Close()
	m, err := recordedCgroup(record)
	if err != nil {
		return err
	}
	if o.All {
		return killAll(record, m, o.Signal)
	}
	// Killing init kills its pid namespace. Without one of its own the others would be left behind.
	if o.Signal == unix.SIGKILL && record.SharedPid && m != nil && alive(record.Init) {
		return m.Kill()
	}
	if err := signalInit(record, o.Signal); err != nil || o.Signal != unix.SIGKILL || m == nil {
		return err
	}
	return m.ThawTree()
}

// killAll signals every process of the container (C25). None is no error: a container that has stopped may still have some,
// where the pid namespace is shared, and callers do not know.
func killAll(record *state.Record, m *cgroups.Manager, signal unix.Signal) error {
	if m != nil {
		return m.Signal(signal)
	}
	return cgroups.SignalAll(func() ([]int, error) { return processesWithoutCgroup(record) }, signal)
}

// signalInit signals the recorded process and no other: the pid is checked again once the pidfd holds it.
func signalInit(record *state.Record, signal unix.Signal) error {
	fd, err := openInit(record)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	switch err := unix.PidfdSendSignal(fd, signal, nil, 0); err {
	case nil:
		return nil
	case unix.ESRCH:
		return fault.ErrNotRunning
	default:
		return &fault.Error{Op: "signal", Err: err}
	}
}

// openInit returns a pidfd of the init process, which the caller closes; ErrNotRunning where it is gone.
func openInit(record *state.Record) (int, error) {
	if record.Init.Pid <= 0 { // it is being created, or create was killed
		return -1, fault.ErrNotRunning
	}
	fd, err := unix.PidfdOpen(record.Init.Pid, 0)
	if err == unix.ESRCH || err == unix.EINVAL { // EINVAL, before Linux 6.15: only its session or process group is left
		return -1, fault.ErrNotRunning
	}
	if err != nil {
		return -1, &fault.Error{Op: "pidfd_open", Err: err}
	}
	if !alive(record.Init) {
		unix.Close(fd)
		return -1, fault.ErrNotRunning
	}
	return fd, nil
}

// recordedCgroup is the container's cgroup as recorded; nil where it has none.
func recordedCgroup(record *state.Record) (*cgroups.Manager, error) {
	if record.Cgroup == nil {
		return nil, nil
	}
	saved := cgroups.Saved{Path: record.Cgroup.Path}
	for _, h := range record.Cgroup.Hierarchies {
		saved.Hierarchies = append(saved.Hierarchies, cgroups.SavedHierarchy(h))
	}
	if u := record.Cgroup.Unit; u != nil {
		unit := cgroups.SavedUnit(*u)
		saved.Unit = &unit
	}
	return cgroups.Load(saved)
}

// recordCgroup is the way back.
func recordCgroup(m *cgroups.Manager) *state.Cgroup {
	if m == nil {
		return nil
	}
	saved := m.Saved()
	c := &state.Cgroup{Path: saved.Path}
	for _, h := range saved.Hierarchies {
		c.Hierarchies = append(c.Hierarchies, state.CgroupHierarchy(h))
	}
	if saved.Unit != nil {
		unit := state.CgroupUnit(*saved.Unit)
		c.Unit = &unit
	}
	return c
}
