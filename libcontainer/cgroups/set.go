package cgroups

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/v1"
	"github.com/tare-run/tare/libcontainer/cgroups/v2"
)

// Set sets the limits that r names and leaves the others alone; the device rules are SetDevices' part. The entries of
// r.Unified come last, so they override what the other fields say (config-linux.md, "Unified").
//
// A limit on tasks holds at once, also for the threads of whatever already runs in the cgroup.
//
// Preconditions: the cgroup exists.
func (m *Manager) Set(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	for _, controller := range limit.Controllers() {
		if err := m.setController(controller, r); err != nil {
			return err
		}
	}
	if err := m.setUnified(r.Unified); err != nil || m.unit == nil || m.unified().journal != nil {
		return err
	}
	return m.tellTasks(r)
}

// setController sets the limits of one controller, in the hierarchy that has it.
func (m *Manager) setController(controller string, r *specs.LinuxResources) error {
	h, convert := m.v1(v1Name(controller)), v1.Writes
	if h == nil && m.unified() != nil {
		h, convert = m.unified(), v2.Writes
	}
	writes, err := convert(controller, r)
	if err != nil || len(writes) == 0 {
		return err
	}
	if h == nil {
		return fault.At(writes[0].Pointer, m.absent(controller))
	}
	for _, w := range writes {
		if err := m.apply(h, controller, w); err != nil {
			return err
		}
	}
	return nil
}

func v1Name(controller string) string {
	if controller == limit.IO {
		return "blkio"
	}
	return controller
}

// apply carries out one write.
func (m *Manager) apply(h *hierarchy, controller string, w limit.Write) error {
	if w.Complete != nil {
		current, err := h.read(w.File)
		if err != nil {
			return m.explain(h, controller, w, err)
		}
		w.Value = w.Complete(current)
	}
	if w.UsageFile != "" {
		if err := h.checkUsage(w); err != nil {
			return err
		}
	}
	err := h.write(w.File, w.Value)
	switch {
	case err == nil && w.Verify:
		return h.verify(w)
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL) && w.Attempt:
		return nil
	case errors.Is(err, unix.ENOENT) && w.Optional:
		return nil
	case errors.Is(err, unix.ENOENT) && w.Else != nil:
		return m.apply(h, controller, *w.Else)
	}
	return m.explain(h, controller, w, err)
}

// verify makes an error of a limit that the kernel has accepted and not taken. It counts in pages.
func (h *hierarchy) verify(w limit.Write) error {
	text, err := h.read(w.File)
	if err != nil {
		return fault.At(w.Pointer, err)
	}
	inForce, errInForce := strconv.ParseUint(text, 10, 64)
	asked, errAsked := strconv.ParseUint(w.Value, 10, 64)
	if errInForce == nil && errAsked == nil && inForce/uint64(unix.Getpagesize()) != asked/uint64(unix.Getpagesize()) {
		return &fault.Error{
			Op: "write " + strconv.Quote(w.Value) + " to", Pointer: w.Pointer, Path: h.path + "/" + w.File,
			Err: fault.Text("has no effect with this kernel"), Hint: "remove the limit",
		}
	}
	return nil
}

// checkUsage refuses a limit below the usage, as memory.checkBeforeUpdate asks (J20). The kernel would reclaim, and then
// kill. Usage may grow between this look and the write; the setting cannot promise more.
func (h *hierarchy) checkUsage(w limit.Write) error {
	if w.Value == "max" || w.Value == strconv.Itoa(limit.Unlimited) {
		return nil
	}
	text, err := h.read(w.UsageFile)
	if err != nil {
		return fault.At(w.Pointer, err)
	}
	usage, errUsage := strconv.ParseUint(text, 10, 64)
	bytes, errBytes := strconv.ParseUint(w.Value, 10, 64)
	if errUsage != nil || errBytes != nil || usage <= bytes {
		return nil // what is no number, the kernel judges
	}
	return &fault.Error{
		Op: "write " + strconv.Quote(w.Value) + " to", Pointer: w.Pointer, Path: h.path + "/" + w.File,
		Err: fault.Text("the usage is already " + text + " bytes"), Hint: "choose a higher limit, or unset checkBeforeUpdate",
	}
}

// explain turns the kernel's refusal of a write into what its author can act on.
func (m *Manager) explain(h *hierarchy, controller string, w limit.Write, err error) error {
	if errors.Is(err, unix.ENOENT) && h.isUnified() && !h.hasUnified(controller) {
		return fault.At(w.Pointer, m.absent(controller))
	}
	var e *fault.Error
	if errors.As(err, &e) && e.Hint == "" {
		e.Hint = w.Hint
	}
	return fault.At(w.Pointer, err)
}

// hasUnified reports whether a controller is enabled for a cgroup of the unified hierarchy.
func (h *hierarchy) hasUnified(controller string) bool {
	enabled, err := h.read("cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(enabled), controller)
}

// absent is the error for a limit whose controller the container does not have: it says where it was looked for.
func (m *Manager) absent(controller string) error {
	e := &fault.Error{Op: "cgroup controller", Path: controller, Err: fault.ErrNotSupported}
	h := m.unified()
	switch {
	case m.v1(v1Name(controller)) != nil:
		e.Hint = "it is mounted as cgroup v1 at " + m.v1(v1Name(controller)).mount
	case h == nil:
		e.Hint = "none of the cgroup v1 mounts has it, and there is no unified hierarchy: " + strings.Join(m.mounts(), ", ")
	case m.whyNotEnabled(controller) != nil:
		e.Hint = "it could not be enabled: " + m.whyNotEnabled(controller).Error()
	default:
		e.Hint = "it is not in " + h.path + "/cgroup.controllers"
		if len(m.hierarchies) > 1 {
			e.Hint += ", nor mounted as cgroup v1"
		}
	}
	return e
}

func (m *Manager) mounts() []string {
	var points []string
	for _, h := range m.hierarchies {
		points = append(points, h.mount)
	}
	return points
}
