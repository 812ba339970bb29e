package cgroups

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
	"github.com/tare-run/tare/libcontainer/cgroups/v2"
)

// unit is the cgroup's unit, for one that systemd makes.
type unit struct {
	systemd.Unit
	user    bool
	address string
	inode   uint64 // of the cgroup's directory; 0 until it is known

	properties []systemd.Property // to start with
	silent     bool               // systemd did not answer
	manager    *systemd.Manager   // nil until connected
}

// UnitOptions say what cgroup systemd shall make.
type UnitOptions struct {
	CgroupsPath string // slice:prefix:name, or empty
	ID          string
	Root        string // runtime root; together with the id it tells the unit from others
	Annotations map[string]string
	Resources   *specs.LinuxResources // limits, as far as they are properties; Set writes the files
}

// NewUnit returns the manager of a cgroup that systemd makes when Add names the first process. It looks whether systemd
// answers, and changes nothing.
func (h *Host) NewUnit(o *UnitOptions) (*Manager, error) {
	user := systemd.IsUser()
	if err := systemd.Booted(user); err != nil {
		return nil, err
	}
	if h.unified != mountRoot || len(h.v1) > 0 {
		return nil, &fault.Error{Op: "cgroup manager", Path: "systemd", Err: fault.ErrNotSupported,
			Hint: "it needs cgroup v2 alone at " + mountRoot + "; leave out --systemd-cgroup"}
	}
	place, err := systemd.Where(o.CgroupsPath, o.ID, user)
	if err != nil {
		return nil, err
	}
	settings, err := settingsOf(o.Resources)
	if err != nil {
		return nil, err
	}
	u := &unit{user: user}
	u.Unit, u.properties, err = systemd.NewUnit(&systemd.Options{
		Place: place, ID: o.ID, Root: o.Root, Annotations: o.Annotations, Settings: settings,
	})
	if err != nil {
		return nil, err
	}
	if err := u.connect(systemd.Timeout); err != nil {
		return nil, err
	}
	above, err := u.manager.ControlGroup()
	if err != nil {
		u.close()
		return nil, err
	}
	m := &Manager{path: above + place.Path, unit: u}
	m.add(h.unified, nil).inode = &u.inode
	return m, nil
}

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

func (u *unit) saved() *SavedUnit {
	return &SavedUnit{Name: u.Name, Description: u.Description, User: u.user, Address: u.address, Inode: u.inode}
}

func (m *Manager) loadUnit(s *SavedUnit) {
	m.unit = &unit{
		Unit: systemd.Unit{Name: s.Name, Description: s.Description}, user: s.User, address: s.Address, inode: s.Inode,
	}
	for _, h := range m.hierarchies {
		h.inode = &m.unit.inode
	}
}

// Unit returns the name of the unit, "" for a cgroup that is not systemd's.
func (m *Manager) Unit() string {
	if m.unit == nil {
		return ""
	}
	return m.unit.Name
}

func (u *unit) connect(timeout time.Duration) (err error) {
	if u.manager == nil {
		if u.manager, err = systemd.Connect(u.user, u.address, timeout); err == nil {
			u.address = u.manager.Address()
		}
	}
	return err
}

func (u *unit) close() {
	if u.manager != nil {
		u.manager.Close()
		u.manager = nil
	}
}

// startUnit has systemd make the cgroup with the process in it.
func (m *Manager) startUnit(pid int) error {
	u := m.unit
	if err := u.connect(systemd.Timeout); err != nil {
		return err
	}
	defer u.close() // systemd sends whatever happens on the machine to who is connected, and keeps what is not read
	properties := u.properties
	if !u.IsSlice() {
		properties = systemd.WithProcess(properties, pid)
	}
	if err := u.manager.Start(u.Unit, properties, systemd.Timeout); err != nil {
		u.silent = errors.Is(err, fault.ErrTimeout)
		return err
	}
	h := m.unified()
	if err := u.findInode(h.path); err != nil {
		return err
	}
	if u.IsSlice() {
		if err := h.write("cgroup.procs", strconv.Itoa(pid)); err != nil {
			return explainAdd(err)
		}
	}
	if err := m.checkPlace(pid); err != nil {
		return err
	}
	m.fresh = true // systemd attaches no device filter to a unit without device properties
	return m.prepareUnified(h)
}

// findInode takes the directory at the path for the cgroup of the unit, which must be known to be ours.
func (u *unit) findInode(path string) error {
	d := &directory{path: path, dirFd: -1}
	fd, err := d.open()
	if err != nil {
		return err
	}
	u.inode = inodeOf(fd)
	d.close()
	return nil
}

// checkPlace makes sure that the process is where its limits and its device filter will be. It is elsewhere if the systemd
// that answered is not the one whose cgroups are mounted here.
func (m *Manager) checkPlace(pid int) error {
	text, err := readPath("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return err
	}
	path, found := strings.CutPrefix(text, "0::")
	if !found || path != m.path {
		return &fault.Error{Op: "start unit", Path: m.unit.Name, Err: fault.Text("the process is in the cgroup " + strconv.Quote(path) + " and not in " + strconv.Quote(m.path)),
			Hint: "is this another systemd than that of the cgroups at " + mountRoot + "?"}
	}
	return nil
}

// silentTimeout bounds the roll-back of a start that systemd has not answered.
const silentTimeout = 3 * time.Second

// stopUnit ends the unit, with which systemd removes the cgroup. Processes must be dead or dying, as for Destroy; in the
// cgroup of a create that was killed they are killed here, once the unit is known to be ours.
func (m *Manager) stopUnit(deadline time.Time) error {
	u, h := m.unit, m.unified()
	if patience := time.Now().Add(silentTimeout); u.silent && deadline.After(patience) {
		deadline = patience
	}
	if u.inode != 0 {
		if _, err := h.awaitEmpty(deadline); ignoreGone(err) != nil {
			return h.nameLeft(err)
		}
		if _, err := h.removeBelow(); ignoreGone(err) != nil && !errors.Is(err, unix.EBUSY) {
			return err
		}
		h.close()
	}
	err := u.connect(max(time.Until(deadline), time.Millisecond))
	defer u.close()
	if err == nil && u.inode == 0 {
		err = m.adopt(deadline)
	}
	if err == nil {
		err = u.manager.Stop(u.Unit, max(time.Until(deadline), time.Millisecond))
	}
	if err != nil && m.gone() {
		return nil // a scope without a process has ended, or will as soon as systemd gets round to it
	}
	return err
}

// adopt finds what a create has left that did not live to record it.
func (m *Manager) adopt(deadline time.Time) error {
	u, h := m.unit, m.unified()
	ours, err := u.manager.Is(u.Unit, max(time.Until(deadline), time.Millisecond))
	if err != nil || !ours {
		return err
	}
	if err := ignoreGone(u.findInode(h.path)); err != nil || u.inode == 0 {
		return err
	}
	if err := m.Kill(); err != nil {
		return err
	}
	_, err = h.awaitEmpty(deadline)
	return h.nameLeft(ignoreGone(err))
}

// gone says whether the unit's cgroup is not there, or another's by now.
func (m *Manager) gone() bool {
	h := m.unified()
	h.close()
	if m.unit.inode == 0 {
		return missing(h.mount, m.path) > 0
	}
	_, err := h.open()
	return errors.Is(err, unix.ENOENT)
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
	return undo, m.setProperties(after)
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
	if err := m.unit.connect(systemd.Timeout); err != nil {
		return err
	}
	defer m.unit.close()
	held := m.unified().snapshot()
	if err := m.unit.manager.Set(m.unit.Unit, properties, systemd.Timeout); err != nil {
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
