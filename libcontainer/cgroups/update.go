package cgroups

import (
	"errors"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/v1"
	"github.com/tare-run/tare/libcontainer/cgroups/v2"
)

// Change is an update of the limits of a running container; package resources makes it.
type Change struct {
	Set   *specs.LinuxResources // what to set
	Reset []string              // pointers below /linux/resources of what gets the value back that a new cgroup has

	// Before and After are all limits, for a driver that has to be told more than what changes.
	Before, After *specs.LinuxResources
}

// Update changes limits. undo puts back what the kernel had in each file that was written, the last one first: every state
// on the way has been accepted before. It is never nil; after an error it takes back what was done until then (JU9).
//
// Preconditions: the cgroup exists.
func (m *Manager) Update(c *Change) (undo func() error, err error) {
	j := &journal{}
	m.keepJournal(j)
	defer m.keepJournal(nil)
	for _, pointer := range c.Reset {
		if err := m.reset(pointer); err != nil {
			return j.undo, err
		}
	}
	if err := m.Set(c.Set); err != nil || m.unit == nil {
		return j.undo, err
	}
	return m.updateUnit(j)
}

// reset gives one limit its first value back.
func (m *Manager) reset(pointer string) error {
	controller, writes := v1.Reset(pointer)
	h := m.v1(v1Name(controller))
	if controller == "" || h == nil {
		var err error
		if controller, writes, err = v2.Reset(pointer); err != nil || controller == "" {
			return err
		}
		h = m.unified()
	}
	for _, w := range writes {
		if h == nil {
			return fault.At(w.Pointer, m.absent(controller))
		}
		if w.Value == "" {
			if err := h.inherit(&w, m.path); err != nil {
				return err
			}
		}
		err := m.apply(h, controller, w)
		if err != nil && h.stuckCpuset(w.File, w.Value, err) {
			err = m.apply(h, controller, limit.Write{File: w.File, Value: h.effectiveAbove(w.File), Pointer: w.Pointer})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inherit takes the value of the parent cgroup.
func (h *hierarchy) inherit(w *limit.Write, below string) error {
	value, err := readPath(h.mount + strings.TrimSuffix(path.Dir(below), "/") + "/" + w.File)
	if err != nil {
		return fault.At(w.Pointer, err)
	}
	w.Value = value
	return nil
}

// stuckCpuset recognises that a cpuset cannot become empty again: the kernel refuses that while processes are in it, in v2
// as well, where empty means "as above" (validate_change in kernel/cgroup/cpuset.c).
func (h *hierarchy) stuckCpuset(file, value string, err error) bool {
	return h.isUnified() && (file == "cpuset.cpus" || file == "cpuset.mems") && value == "\n" && errors.Is(err, unix.ENOSPC)
}

// effectiveAbove is what an empty cpuset would have: everything that the parent has. "" if it cannot be read.
func (h *hierarchy) effectiveAbove(file string) string {
	value, err := readPath(path.Dir(h.path) + "/" + file + ".effective")
	if err != nil {
		return ""
	}
	return value
}
