package libcontainer

import (
	"cmp"
	"errors"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/state"
)

// exitTimeout bounds the wait for a process that SIGKILL was sent to.
const exitTimeout = 10 * time.Second

// Delete removes a container that has stopped, or that was created and never started. With force it removes any
// container whose record can be read, whatever state it is in, and succeeds where there is none.
func (r *Runtime) Delete(id string, force bool) error { return verb("delete", id, r.delete(id, force)) }

func (r *Runtime) delete(id string, force bool) error {
	d, err := state.OpenDir(r.Root, id)
	if errors.Is(err, fault.ErrNotExist) && force {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Lock(); err != nil {
		if force && errors.Is(err, fault.ErrNotExist) {
			return nil // another delete was faster
		}
		return err
	}
	record, err := d.Load()
	if err != nil {
		if force && errors.Is(err, unix.ENOENT) {
			return d.Remove() // create was killed before its first record, hence before its first resource
		}
		return err
	}
	if status := lockedStatus(d, record); !force && (status == StatusRunning || status == StatusPaused) {
		return &fault.Error{Err: notStopped(id, status), Hint: "kill it first, or use --force"}
	}
	return r.removeAll(d, record, force)
}

// lockedStatus is statusOf for the holder of the lock, for whom an unfinished create is a dead one.
func lockedStatus(d *state.Dir, record *state.Record) Status {
	if record.Creating {
		return StatusStopped
	}
	return statusOf(d, record)
}

// notStopped has runc's words.
func notStopped(id string, status Status) error {
	return fault.Text("cannot delete container " + id + " that is not stopped: " + string(status))
}

// remove kills what lives and removes everything, in an order that can be interrupted and done again: the record goes last.
func (r *Runtime) remove(d *state.Dir, record *state.Record) error {
	return r.removeAll(d, record, false)
}

// removeAll is remove; with force whatever somebody else has put into the container's cgroup is killed too, not waited for.
func (r *Runtime) removeAll(d *state.Dir, record *state.Record, force bool) error {
	m, err := recordedCgroup(record)
	if err != nil {
		return err
	}
	if err := killInit(record, m); err != nil {
		return err
	}
	if err := destroyCgroup(m, killsCgroup(record, m, force)); err != nil {
		return err
	}
	if err := removeResctrl(record); err != nil {
		return err
	}
	if err := r.removeOverlay(record, !record.Creating); err != nil {
		return err
	}
	if record.Poststop && !record.PoststopRan {
		if err := r.deletePoststop(d, record, force); err != nil {
			return err
		}
	}
	return d.Remove()
}

// killsCgroup says whether what is in the cgroup must be killed, because it may live on without init: processes that share
// the pid namespace of others, and an init whose pid create did not live to record. A create that was killed early may not
// have owned a cgroup that it had not made.
func killsCgroup(record *state.Record, m *cgroups.Manager, force bool) bool {
	if m == nil {
		return false
	}
	if record.SharedPid && !record.Creating {
		return true
	}
	if m.Unit() != "" {
		return force && !record.Creating // what a killed create has left in a unit is killed when the unit is known to be ours
	}
	made := func(h cgroups.SavedHierarchy) bool { return h.Made > 0 }
	return (force || record.Creating) && slices.ContainsFunc(m.Saved().Hierarchies, made)
}

// deletePoststop marks the hooks as run before it runs them: they must not run twice if delete is killed and repeated.
//
// Without a configuration a removal has begun before, after the hooks. One that cannot be read keeps a forced delete from
// running them, and from nothing else.
func (r *Runtime) deletePoststop(d *state.Dir, record *state.Record, force bool) error {
	config, err := savedSpec(d)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil && force {
		r.warn("delete " + d.ID + ": poststop hooks are not run: " + err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	record.PoststopRan = true
	if err := d.Save(record); err != nil {
		return err
	}
	r.poststop(config.Hooks, recordState(record, specs.StateStopped, 0))
	return nil
}

// killInit kills the init process if it lives, frozen or not, and waits until it has exited, without polling.
func killInit(record *state.Record, m *cgroups.Manager) error {
	fd, err := openInit(record)
	if err == fault.ErrNotRunning {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return &fault.Error{Op: "kill init", Err: err}
	}
	if m != nil {
		if err := m.ThawTree(); err != nil {
			return err
		}
	}
	err = waitExit(fd)
	if e, ok := err.(*fault.Error); ok && e.Err == fault.ErrTimeout {
		e.Hint = cmp.Or(unreaped(record.Init.Pid), e.Hint)
	}
	return err
}

// waitExit waits until the process of a pidfd has exited; it may still be a zombie then, which its parent reaps.
func waitExit(pidfd int) error {
	deadline := time.Now().Add(exitTimeout)
	for {
		left := time.Until(deadline).Milliseconds()
		if left <= 0 {
			return &fault.Error{Op: "wait for the init process to exit", Err: fault.ErrTimeout, Hint: "it hangs in the kernel"}
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left))
		if n == 1 {
			return nil
		}
		if err != nil && err != unix.EINTR {
			return &fault.Error{Op: "poll", Err: err}
		}
	}
}
