package libcontainer

import (
	"errors"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
	"github.com/tare-run/tare/libcontainer/step"
)

// AddMounts mounts what a file says, - for standard input, in a container that is created, running or paused: a list like
// /mounts of config.json, or an object that holds one. All is mounted, or nothing.
func (r *Runtime) AddMounts(id, file string) error {
	return verb("mounts", id, r.changeMounts(id, file, plan.CompileMounts))
}

// RemoveMounts unmounts what is mounted at the destinations in such a file; all of it, or nothing.
func (r *Runtime) RemoveMounts(id, file string) error {
	return verb("mounts", id, r.changeMounts(id, file, plan.CompileUnmounts))
}

// mounting is a change of the mounts of a running container. A process of ours enters its namespaces, not its cgroup, is given
// the steps and what it could not open there, and ends. It is a creation as far as sources and mappings go.
type mounting struct {
	creation
	initFd int
	kinds  uint64 // namespaces to enter
}

func (r *Runtime) changeMounts(id, file string, compile func(*plan.Input) (*plan.Plan, error)) error {
	mounts, err := mountsOf(file) // before the lock: standard input may take its time
	if err != nil {
		return err
	}
	d, record, err := r.openLocked(id)
	if err != nil {
		return err
	}
	defer d.Close()
	switch lockedStatus(d, record) {
	case StatusCreated, StatusRunning, StatusPaused:
	default:
		return fault.ErrNotRunning
	}
	m := &mounting{creation: creation{Runtime: r, bundle: record.Bundle, record: record, image: launch.Image{Fd: -1}, gateFd: -1, masterFd: -1}, initFd: -1}
	defer m.close()
	err = m.prepare(d, mounts, compile)
	if err == nil {
		err = m.openSources()
	}
	if err == nil {
		err = m.run(d.CacheDir())
	}
	if e, ok := err.(*fault.Error); ok && e.Pointer != "" {
		e.File = documentName(file)
		if errors.Is(e, unix.EROFS) && e.Hint == "" {
			e.Hint = "the root is read-only, so the place must exist already"
		}
	}
	return err
}

func mountsOf(file string) ([]specs.Mount, error) {
	text, err := readDocument(file)
	if err != nil {
		return nil, &fault.Error{Op: "open", Path: file, Err: err, Hint: "give a file with JSON, or - for standard input"}
	}
	return spec.LoadMounts(text, documentName(file))
}

func (m *mounting) close() {
	m.creation.close()
	closeFd(m.initFd)
}

// prepare finds the container and makes the plan.
func (m *mounting) prepare(d *state.Dir, mounts []specs.Mount, compile func(*plan.Input) (*plan.Plan, error)) (err error) {
	if m.initFd, err = openInit(m.record); err != nil {
		return err
	}
	if m.kinds, err = foreignNamespaces(m.record.Init.Pid); err != nil {
		return err
	}
	if m.kinds&unix.CLONE_NEWNS == 0 {
		return &fault.Error{Err: fault.Text("the container shares the mounts of its host"), Hint: "mount on the host instead"}
	}
	if m.spec, err = savedSpec(d); err != nil {
		return err
	}
	m.spec.Mounts = mounts
	for _, problem := range spec.ValidateMounts(mounts, m.spec.Linux) {
		return problem
	}
	m.plan, err = compile(&plan.Input{Spec: m.spec, ID: d.ID, Bundle: m.bundle})
	return err
}

// openSources opens the sources of bind mounts, which are the host's paths, and maps what is to be mapped.
func (m *mounting) openSources() error {
	for i := range m.plan.Init {
		s, ok := m.plan.Init[i].Step.(*step.Mount)
		if !ok || !s.Options.Bind {
			continue
		}
		tree, err := m.openTree(s.Source, s.Options.Recursive, false, s.Options.SourceNofollow)
		if err != nil {
			if e, ok := err.(*fault.Error); ok && e.Err == unix.EPERM && unix.Geteuid() != 0 {
				e.Hint = "only root can bring a path of the host into a container that is there; run as root, or put it into config.json"
			}
			return fault.At(m.plan.Init[i].Pointer, fault.At("source", err))
		}
		m.trees = append(m.trees, tree)
		s.Tree = len(m.trees)
	}
	if len(m.plan.IDMaps) > 0 && m.kinds&unix.CLONE_NEWUSER != 0 {
		if err := m.holdUserNamespace(); err != nil {
			return err
		}
	}
	return m.mapMounts()
}

// holdUserNamespace is what create does when it makes one: idmap without mappings means the container's.
func (m *mounting) holdUserNamespace() error {
	path := "/proc/" + strconv.Itoa(m.record.Init.Pid) + "/ns/user"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if !alive(m.record.Init) { // the pid may be another's
		closeFd(fd)
		return fault.ErrNotRunning
	}
	if err != nil {
		return &fault.Error{Op: "open namespace", Path: path, Err: err}
	}
	m.held = append(m.held, launch.Held{Kind: unix.CLONE_NEWUSER, Fd: fd})
	return nil
}

// run has the plan carried out.
func (m *mounting) run(cacheDir string) (err error) {
	if m.image, err = launch.OpenImage(cacheDir); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil { // as for an exec
		return &fault.Error{Op: "prctl", Path: "PR_SET_DUMPABLE", Err: err}
	}
	m.init, err = launch.Start(&launch.Options{Image: m.image, CgroupFd: -1, Target: &launch.Target{Pidfd: m.initFd, Kinds: m.kinds}})
	if err != nil {
		return err
	}
	if err = m.init.SendPlan(m.plan.Init, m.trees, -1); err == nil {
		err = m.init.Await(&launch.Handlers{Warn: m.warn}, initTimeout.Milliseconds())
	}
	m.init.Abort()
	return err
}
