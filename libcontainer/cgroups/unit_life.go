package cgroups

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
)

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
		u.noteSilence(err)
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

// stopUnit ends the unit, with which systemd removes the cgroup. Processes must be dead or dying, as for Destroy; in the
// cgroup of a create that was killed they are killed here, once the unit is known to be ours.
func (m *Manager) stopUnit(deadline time.Time) error {
	u, h := m.unit, m.unified()
	if patience := time.Now().Add(u.patience()); deadline.After(patience) {
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
