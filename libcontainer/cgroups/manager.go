package cgroups

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Manager is the cgroup of one container in all hierarchies. It is not safe for concurrent use.
type Manager struct {
	path        string
	hierarchies []*hierarchy // the unified one first
	unit        *unit        // what systemd makes the cgroup for; nil for one that we make ourselves

	refused error // why the cgroup cannot be used
	fresh   bool  // made by this process, hence without any program attached

	notEnabled []notEnabled // for the unified cgroup, from the root down; told when one is missed
}

// notEnabled is why controllers could not be enabled.
type notEnabled struct {
	controllers []string // with plus signs
	err         error
}

// hierarchy is the container's cgroup in one hierarchy.
type hierarchy struct {
	directory
	mount       string
	controllers []string // nil: the unified hierarchy
	made        int      // how many of the last components of the path did not exist before; they are ours to remove
	journal     *journal // notes what is written, if not nil
}

func (h *hierarchy) isUnified() bool { return h.controllers == nil }

// New returns the manager of the cgroup at path, which Host.Path returned. It looks which directories exist already, and
// changes nothing.
//
// A cgroup that something runs in is not taken (config-linux.md leaves the choice). Create says so; the manager is empty
// from the start, because what Saved records as the container's own, a delete kills.
func (h *Host) New(path string) *Manager {
	m := &Manager{path: path}
	if h.unified != "" {
		m.add(h.unified, nil)
	}
	for _, mount := range h.v1 {
		m.add(mount.point, mount.controllers)
	}
	for _, h := range m.hierarchies {
		h.made = missing(h.mount, path)
		if h.made > 0 {
			continue
		}
		if err := h.checkUnused(); err != nil {
			return m.refuse(err)
		}
	}
	return m
}

// Existed says whether New found the cgroup in one of the hierarchies, be it that it cannot be used.
func (m *Manager) Existed() bool {
	return m.refused != nil || slices.ContainsFunc(m.hierarchies, func(h *hierarchy) bool { return h.made == 0 && m.unit == nil })
}

// refuse empties the manager, so that nothing can be killed or removed with it.
func (m *Manager) refuse(err error) *Manager {
	m.Close()
	m.hierarchies = nil
	m.refused = err
	return m
}

func (m *Manager) add(mount string, controllers []string) *hierarchy {
	h := &hierarchy{
		directory:   directory{path: mount + m.path, dirFd: -1},
		mount:       mount,
		controllers: controllers,
	}
	m.hierarchies = append(m.hierarchies, h)
	return h
}

// missing counts the components at the end of p that do not exist below mount.
func missing(mount, p string) (count int) {
	for ; p != "/"; p = path.Dir(p) {
		if unix.Faccessat(unix.AT_FDCWD, mount+p, unix.F_OK, 0) != unix.ENOENT {
			break
		}
		count++
	}
	return count
}

// Close closes the descriptors that the manager holds. It can be used again afterwards.
func (m *Manager) Close() {
	for _, h := range m.hierarchies {
		h.close()
	}
	if m.unit != nil {
		m.unit.close()
	}
}

// Path returns the path below each mount point.
func (m *Manager) Path() string { return m.path }

// UnifiedPath returns the container's directory in the unified hierarchy, or "" if there is none.
func (m *Manager) UnifiedPath() string {
	if h := m.unified(); h != nil {
		return h.path
	}
	return ""
}

// UnifiedFd returns a descriptor of the container's directory in the unified hierarchy, as CLONE_INTO_CGROUP wants it,
// or -1 if there is no such hierarchy, or systemd will make the cgroup only when Add names the first process. The descriptor
// belongs to the manager.
//
// Preconditions: the cgroup exists.
func (m *Manager) UnifiedFd() (int, error) {
	h := m.unified()
	if h == nil || m.unit != nil && m.unit.inode == 0 {
		return -1, nil
	}
	return h.open()
}

func (m *Manager) unified() *hierarchy {
	if len(m.hierarchies) > 0 && m.hierarchies[0].isUnified() {
		return m.hierarchies[0]
	}
	return nil
}

// v1 returns the v1 hierarchy of a controller, or nil.
func (m *Manager) v1(controller string) *hierarchy {
	for _, h := range m.hierarchies {
		if slices.Contains(h.controllers, controller) {
			return h
		}
	}
	return nil
}

// tracking returns the hierarchy that knows the container's processes: the unified one, or that of a v1 controller which
// is always mounted alone or not at all. It is nil only for an empty manager.
func (m *Manager) tracking() *hierarchy {
	if h := m.unified(); h != nil {
		return h
	}
	for _, controller := range [...]string{"freezer", "name=systemd", "pids", "devices"} {
		if h := m.v1(controller); h != nil {
			return h
		}
	}
	if len(m.hierarchies) > 0 {
		return m.hierarchies[0]
	}
	return nil
}

// Saved is what a manager is rebuilt from; it is part of a container's state on disk.
type Saved struct {
	Path        string           `json:"path"`
	Hierarchies []SavedHierarchy `json:"hierarchies"`
	Unit        *SavedUnit       `json:"unit,omitempty"` // of systemd
}

// SavedUnit is the unit of a Saved. It is complete, but for the inode, before systemd is asked for the first time.
type SavedUnit struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	User        bool   `json:"user,omitempty"`  // of the user's systemd
	Address     string `json:"address"`         // where systemd was found
	Inode       uint64 `json:"inode,omitempty"` // of the cgroup's directory; 0 until it exists
}

// SavedHierarchy is one hierarchy of a Saved.
type SavedHierarchy struct {
	Mount       string `json:"mount"`
	Controllers string `json:"controllers,omitempty"` // of v1, separated by commas; empty for the unified hierarchy
	Made        int    `json:"made,omitempty"`        // components of Path, from its end, that the container owns
}

// Saved returns what Load needs. It is complete as soon as New has returned.
func (m *Manager) Saved() Saved {
	s := Saved{Path: m.path}
	for _, h := range m.hierarchies {
		s.Hierarchies = append(s.Hierarchies, SavedHierarchy{
			Mount: h.mount, Controllers: strings.Join(h.controllers, ","), Made: h.made,
		})
	}
	if m.unit != nil {
		s.Unit = m.unit.saved()
	}
	return s
}

// Load returns the manager that was saved. It touches nothing but memory.
func Load(s Saved) (*Manager, error) {
	clean, err := cleanPath(s.Path)
	if err != nil || clean != s.Path {
		return nil, &fault.Error{Op: "saved cgroup", Path: s.Path, Err: fault.Text("is not a clean absolute path")}
	}
	m := &Manager{path: clean}
	for i, saved := range s.Hierarchies {
		if !path.IsAbs(saved.Mount) || path.Clean(saved.Mount) != saved.Mount {
			return nil, &fault.Error{Op: "saved cgroup mount", Path: saved.Mount, Err: fault.Text("is not a clean absolute path")}
		}
		var controllers []string
		if saved.Controllers != "" {
			controllers = strings.Split(saved.Controllers, ",")
		} else if i > 0 {
			return nil, &fault.Error{Op: "saved cgroup mount", Path: saved.Mount, Err: fault.Text("is a second unified hierarchy")}
		}
		h := m.add(saved.Mount, controllers)
		h.made = min(max(saved.Made, 0), strings.Count(clean, "/"))
	}
	if s.Unit != nil {
		m.loadUnit(s.Unit)
	}
	return m, nil
}
