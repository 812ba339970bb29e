package cgroups

import (
	"errors"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
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

// patience is how long systemd may take; who waited in vain does not wait as long again to take something back.
func (u *unit) patience() time.Duration {
	if u.silent {
		return silentTimeout
	}
	return systemd.Timeout
}

const silentTimeout = 3 * time.Second

func (u *unit) noteSilence(err error) { u.silent = u.silent || errors.Is(err, fault.ErrTimeout) }

func (u *unit) close() {
	if u.manager != nil {
		u.manager.Close()
		u.manager = nil
	}
}
