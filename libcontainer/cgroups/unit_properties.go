package cgroups

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
	"github.com/tare-run/tare/libcontainer/cgroups/v2"
)

// settingsOf lists what Set will write to control files, as far as that can be said before they exist.
func settingsOf(r *specs.LinuxResources) (list []systemd.Setting, err error) {
	if r == nil {
		return nil, nil
	}
	for _, controller := range limit.Controllers() {
		writes, err := v2.Writes(controller, r)
		if err != nil {
			return nil, err
		}
		for _, w := range writes {
			if w.Complete != nil {
				w.Value = w.Complete("max 100000") // cpu.max, the one file of that kind, of a new cgroup
			}
			list = append(list, systemd.Setting{File: w.File, Value: w.Value})
		}
	}
	for _, key := range sortedKeys(r.Unified) {
		list = append(list, systemd.Setting{File: key, Value: r.Unified[key]})
	}
	return list, nil
}

// updateUnit tells systemd what an update has written to control files: else it would write its own idea of them at the
// next daemon-reload, and at once if any property of the unit changes. The values are those that the kernel has now. Where
// systemd, told so, writes another one itself, such as a quota in whole percents, the file gets its value back.
func (m *Manager) updateUnit(j *journal) (undo func() error, err error) {
	before, after, err := m.settings(j)
	if err != nil {
		return j.undo, err
	}
	undo = func() error {
		return errors.Join(m.setProperties(before), j.undo())
	}
	err = m.setProperties(after)
	if err != nil && !errors.Is(err, fault.ErrTimeout) {
		return j.undo, err // systemd has refused all of it, or has not been asked
	}
	return undo, err
}

// tellTasks makes a property of a limit on tasks that was too low to start with.
func (m *Manager) tellTasks(r *specs.LinuxResources) error {
	value, given := r.Unified["pids.max"]
	if !given && r.Pids != nil && r.Pids.Limit != nil {
		value = limit.Max(*r.Pids.Limit)
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n >= systemd.SmallTasks {
		return nil
	}
	return m.setProperties([]systemd.Setting{{File: "pids.max", Value: value}})
}

// settings lists what the files of systemd's that are in the journal held before, and what they hold now.
func (m *Manager) settings(j *journal) (before, after []systemd.Setting, err error) {
	h := m.unified()
	for _, e := range j.entries {
		known := func(s systemd.Setting) bool { return s.File == e.file }
		if !systemd.HasProperty(e.file) || e.unreadable || slices.ContainsFunc(after, known) {
			continue
		}
		now, err := h.read(e.file)
		if err != nil {
			return nil, nil, err
		}
		before = append(before, systemd.Setting{File: e.file, Value: firstLine(e.before)})
		after = append(after, systemd.Setting{File: e.file, Value: firstLine(now)})
	}
	return before, after, nil
}

// firstLine is that for all devices, of a file that has others for single ones.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// setProperties changes properties of the unit. systemd then writes all of the unit's control files, those that have nothing
// to do with the change too; the files keep what they hold, which is what was asked for where systemd has another idea.
func (m *Manager) setProperties(settings []systemd.Setting) error {
	properties := systemd.Properties(settings)
	if len(properties) == 0 {
		return nil
	}
	if err := m.unit.connect(m.unit.patience()); err != nil {
		return err
	}
	defer m.unit.close()
	held := m.unified().snapshot()
	err := m.unit.manager.Set(m.unit.Unit, properties, m.unit.patience())
	if err != nil {
		m.unit.noteSilence(err)
		return err
	}
	return m.unified().keep(held)
}

// snapshot reads the control files that systemd writes, as far as the kernel has them.
func (h *hierarchy) snapshot() (held []systemd.Setting) {
	for _, file := range systemd.Files() {
		if text, err := h.read(file); err == nil {
			held = append(held, systemd.Setting{File: file, Value: firstLine(text)})
		}
	}
	return held
}

// keep writes back what has changed since the snapshot.
func (h *hierarchy) keep(held []systemd.Setting) error {
	for _, s := range held {
		now, err := h.read(s.File)
		if err != nil {
			return err
		}
		if firstLine(now) == s.Value {
			continue
		}
		err = h.directory.write(s.File, orNewline(s.Value))
		if err != nil && !h.stuckCpuset(s.File, orNewline(s.Value), err) {
			return err
		}
	}
	return nil
}
