package libcontainer

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/state"
	"github.com/tare-run/tare/libcontainer/userns"
)

// verb puts the command and the id in front of an error.
func verb(name, id string, err error) error {
	if err == nil {
		return nil
	}
	return &fault.Verb{Verb: name, ID: id, Err: err}
}

// rootless says whether this runs without the privileges of the host's root.
func (r *Runtime) rootless() bool {
	switch r.Rootless {
	case "true":
		return true
	case "false":
		return false
	}
	return !hostRoot()
}

// hostRoot says whether this has the privileges of the host's root, whatever --rootless says.
func hostRoot() bool { return unix.Geteuid() == 0 && !userns.Inside() }

// open opens an existing container without its lock and reads its record. The caller closes the directory.
func (r *Runtime) open(id string) (*state.Dir, *state.Record, error) {
	d, err := state.OpenDir(r.Root, id)
	if err != nil {
		return nil, nil, err
	}
	record, err := load(d)
	if err != nil {
		d.Close()
		return nil, nil, err
	}
	return d, record, nil
}

// load reads the record without the lock. Where it is missing because another command is making or removing the container
// right now, there is none: engines take a kill that meets a delete for done only if they are told so.
func load(d *state.Dir) (*state.Record, error) {
	record, err := d.Load()
	return record, goneOr(d, err)
}

// goneOr tells a container that is being made or removed from one that lacks a file.
func goneOr(d *state.Dir, err error) error {
	if errors.Is(err, unix.ENOENT) && (d.Busy() || d.Removed()) { // in this order: the lock is held until all is gone
		return fault.ErrNotExist
	}
	return err
}

// openLocked is open with the container's lock, which Close of the directory releases.
func (r *Runtime) openLocked(id string) (*state.Dir, *state.Record, error) {
	d, err := state.OpenDir(r.Root, id)
	if err != nil {
		return nil, nil, err
	}
	var record *state.Record
	if err = d.Lock(); err == nil {
		record, err = d.Load()
	}
	if err != nil {
		d.Close()
		return nil, nil, err
	}
	return d, record, nil
}

func (r *Runtime) warn(message string) {
	if r.Warn != nil {
		r.Warn(message)
	}
}

// errnoOf takes the errno out of an os.PathError, whose path would be said twice.
func errnoOf(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func (r *Runtime) debug(message string) {
	if r.Debug != nil {
		r.Debug(message)
	}
}
