package libcontainer

import (
	"errors"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
)

// Start has a created container execute its program, and runs the hooks around that.
func (r *Runtime) Start(id string) error { return verb("start", id, r.start(id)) }

func (r *Runtime) start(id string) error {
	d, record, err := r.openLocked(id)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := startable(record); err != nil {
		return err
	}
	if frozen(record) { // init would not hear of it, and neither would we
		return &fault.Error{Err: fault.Text("cannot start a paused container"), Hint: "resume it first"}
	}
	listening, err := startListening(d, record)
	if err != nil {
		return err
	}
	defer closeFd(listening.Pidfd)
	relay, err := r.listenNotify(d, record.Init.Pid)
	if err != nil {
		return err
	}
	defer relay.Close()
	fd, err := d.DialGate()
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return fault.ErrAlreadyRunning
	}
	if err != nil {
		return err
	}
	if err := launch.BeginAtGate(fd, startTimeout(record), listening); err != nil {
		if m, e := recordedCgroup(record); e == nil && !alive(record.Init) && outOfMemory(m) {
			err = errOutOfMemory
		}
		return err
	}
	d.RemoveGate()
	if err := r.poststart(d, record); err != nil {
		return err
	}
	return awaitReady(relay, d)
}

// startTimeout bounds the wait for the program, in milliseconds; 0 is without bound.
func startTimeout(record *state.Record) int64 {
	if record.StartSeconds < 0 {
		return 0
	}
	return (initTimeout + time.Duration(record.StartSeconds)*time.Second).Milliseconds()
}

// startable refuses containers that are not created. The lock is held, so a record that says creating is a leftover.
func startable(record *state.Record) error {
	switch {
	case record.Creating || !alive(record.Init):
		return &fault.Error{Err: fault.ErrStopped, Hint: "delete it and create it again"}
	case record.NoProgram:
		return &fault.Error{Pointer: "/process", Err: fault.Text("there is no process to start"), Hint: "config.json had none when the container was created"}
	}
	return nil
}

// poststart runs the poststart hooks. If one fails the container is stopped and removed (runtime.md, "Lifecycle", step 9).
func (r *Runtime) poststart(d *state.Dir, record *state.Record) error {
	if !record.Poststart {
		return nil
	}
	config, err := savedSpec(d)
	if err != nil {
		return err
	}
	err = runHooks("poststart", config.Hooks.Poststart, encodeState(recordState(record, specs.StateRunning, record.Init.Pid)))
	if err == nil {
		return nil
	}
	if removal := r.remove(d, record); removal != nil {
		r.warn("start " + record.ID + ": " + removal.Error())
	}
	return err
}

// savedSpec is the configuration as it was at create.
func savedSpec(d *state.Dir) (*specs.Spec, error) {
	b, err := d.Config()
	if err != nil {
		return nil, err
	}
	return spec.Load(b)
}

func recordState(r *state.Record, status specs.ContainerState, pid int) *specs.State {
	return &specs.State{Version: r.OCIVersion, ID: r.ID, Status: status, Pid: pid, Bundle: r.Bundle, Annotations: r.Annotations}
}
