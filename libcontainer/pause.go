package libcontainer

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/state"
)

// freezeTimeout bounds the wait for processes to stop, and to go on. One that waits for a dead file server may never stop.
const freezeTimeout = 10 * time.Second

// Pause stops every process of a created or running container, until Resume. If one does not stop in time, all go on.
func (r *Runtime) Pause(id string) error { return verb("pause", id, r.pause(id)) }

func (r *Runtime) pause(id string) error {
	d, record, err := r.openLocked(id)
	if err != nil {
		return err
	}
	defer d.Close()
	switch lockedStatus(d, record) {
	case StatusCreated, StatusRunning:
	case StatusPaused:
		return fault.Text("container already paused")
	default:
		return fault.ErrNotRunning
	}
	m, err := pausable(record)
	if err != nil {
		return err
	}
	defer m.Close()
	entryFd, err := d.LockEntry(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer unix.Close(entryFd)
	if err := m.Freeze(freezeTimeout); err != nil {
		return err
	}
	// It may have ended before it could stop, and a cgroup that stays frozen would only be in the way. Or it was sent SIGKILL,
	// and the freezer of cgroup v1 keeps it from dying; a kill that comes later thaws by itself.
	if !alive(record.Init) || killPending(record.Init.Pid) {
		_ = m.Thaw() // the error that counts is the next one
		return fault.ErrNotRunning
	}
	return nil
}

// killPending says whether a process has SIGKILL pending (proc_pid_status(5)).
func killPending(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
	}
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(line, ":")
		if name != "SigPnd" && name != "ShdPnd" {
			continue
		}
		pending, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err == nil && pending&(1<<(unix.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}

// Resume lets the processes of a paused container go on.
func (r *Runtime) Resume(id string) error { return verb("resume", id, r.resume(id)) }

func (r *Runtime) resume(id string) error {
	d, record, err := r.openLocked(id)
	if err != nil {
		return err
	}
	defer d.Close()
	if lockedStatus(d, record) != StatusPaused {
		return fault.ErrNotPaused
	}
	m, err := pausable(record)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Thaw(); err != nil {
		return err
	}
	return m.AwaitThawed(freezeTimeout)
}

// pausable returns the container's cgroup, without which nothing can be frozen.
func pausable(record *state.Record) (*cgroups.Manager, error) {
	m, err := recordedCgroup(record)
	if err == nil && m == nil {
		err = &fault.Error{Err: fault.Text("the container has no cgroup to freeze"), Hint: "create it without --cgroup-manager=disabled"}
	}
	return m, err
}
