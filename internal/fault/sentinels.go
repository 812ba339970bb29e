package fault

import "errors"

// The words of these errors are an interface: containerd, CRI-O, Podman and Docker search for them (docs/errors.md).
// Change none of them.
var (
	// ErrNotExist: no state directory has this id. containerd maps it to "not found", and ignores it on delete.
	ErrNotExist = errors.New("container does not exist")
	// ErrExist: create with an id that is taken.
	ErrExist = errors.New("container with given ID already exists")
	// ErrNotRunning: kill, or another verb that needs a process, of a container without one.
	ErrNotRunning = errors.New("container not running")
	// ErrAlreadyRunning: start of a container whose program has been started.
	ErrAlreadyRunning = errors.New("cannot start an already running container")
	// ErrStopped: start of a container whose init process is gone.
	ErrStopped = errors.New("cannot start a container that has stopped")
	// ErrNotPaused: resume of a container that is not paused.
	ErrNotPaused = errors.New("container not paused")
	// ErrNotStopped: delete without --force of a container that still runs.
	ErrNotStopped = errors.New("cannot delete container that is not stopped")
	// ErrNotSupported: asked for something that this build or this kernel lacks.
	ErrNotSupported = errors.New("not supported")
	// ErrTimeout: a peer was silent until the deadline.
	ErrTimeout = errors.New("timed out")
)
