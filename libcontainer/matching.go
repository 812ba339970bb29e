package libcontainer

import (
	"errors"
	"regexp"
	"regexp/syntax"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/state"
)

// KillMatching is Kill for every container whose id a regular expression matches, as a whole or in part (C20). Those that do
// not run are passed over. The error holds that of each container that could not be signalled.
func (r *Runtime) KillMatching(pattern string, o KillOptions) error {
	return r.eachMatching("kill", pattern, func(id string) error {
		err := r.kill(id, o)
		if errors.Is(err, fault.ErrNotRunning) {
			return nil
		}
		return err
	})
}

// DeleteMatching is Delete for every container whose id a regular expression matches, as a whole or in part (C20).
func (r *Runtime) DeleteMatching(pattern string, force bool) error {
	return r.eachMatching("delete", pattern, func(id string) error { return r.delete(id, force) })
}

// eachMatching calls f for the containers that match, in the order of their ids. One that vanishes meanwhile is no error.
func (r *Runtime) eachMatching(name, pattern string, f func(id string) error) error {
	match, err := regexp.Compile(pattern)
	if err != nil {
		if e, ok := err.(*syntax.Error); ok {
			err = fault.Text(e.Code.String() + ": " + e.Expr)
		}
		return verb(name, "", &fault.Error{Op: "regular expression", Path: pattern, Err: err, Hint: "see https://golang.org/s/re2syntax"})
	}
	root, err := state.OpenRoot(r.Root, false)
	if errors.Is(err, fault.ErrNotExist) {
		return nil
	}
	if err != nil {
		return verb(name, "", err)
	}
	ids, err := root.IDs()
	root.Close()
	if err != nil {
		return verb(name, "", err)
	}
	var errs []error
	for _, id := range ids {
		if !match.MatchString(id) {
			continue
		}
		if err := f(id); err != nil && !errors.Is(err, fault.ErrNotExist) {
			errs = append(errs, verb(name, id, err))
		}
	}
	return errors.Join(errs...)
}
