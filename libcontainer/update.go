package libcontainer

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/resources"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
)

// Update changes limits and device rules of a container that runs, is created or paused. What is not mentioned stays, and
// after an error everything is as before; if that cannot be had, the error says so. It returns what is in force now.
//
// Without any change in o it only returns that, also of a stopped container.
func (r *Runtime) Update(id string, o *UpdateOptions) (*specs.LinuxResources, error) {
	now, err := r.update(id, o)
	return now, verb("update", id, err)
}

func (r *Runtime) update(id string, o *UpdateOptions) (*specs.LinuxResources, error) {
	patch, err := o.patch() // before the lock: standard input may take its time
	if err != nil {
		return nil, err
	}
	d, record, err := r.openLocked(id)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	before, err := savedResources(d)
	if err != nil || o.Empty() {
		return before, err
	}
	switch lockedStatus(d, record) {
	case StatusCreated, StatusRunning, StatusPaused:
	default:
		return nil, fault.ErrNotRunning
	}
	m, err := recordedCgroup(record)
	if err == nil && m == nil {
		err = &fault.Error{Err: fault.Text("the container has no cgroup to limit"), Hint: "create it without --cgroup-manager=disabled"}
	}
	if err != nil {
		return nil, err
	}
	defer m.Close()
	after := patch.Apply(before)
	if after.Devices, err = r.deviceRules(o, record, before.Devices, patch.Set.Devices); err != nil {
		return nil, err
	}
	u := &updating{Runtime: r, o: o, dir: d, record: record, cgroup: m, before: before, after: after}
	u.set, u.reset = patch.Changes(before, after)
	if err := u.run(); err != nil {
		return nil, o.locate(err)
	}
	return after, nil
}

// updating is one update under way.
type updating struct {
	*Runtime
	o             *UpdateOptions
	dir           *state.Dir
	record        *state.Record
	cgroup        *cgroups.Manager
	before, after *specs.LinuxResources
	set           *specs.LinuxResources
	reset         []string
}

// run changes limits, then device rules and schemas, which take one step each, and then the record. A failure takes back what came before it.
// An update that is killed in between leaves the record behind the kernel; doing it again mends that.
func (u *updating) run() error {
	change := &cgroups.Change{Set: u.set, Reset: u.reset, Before: u.before, After: u.after}
	undoLimits, err := u.cgroup.Update(change)
	if err != nil {
		return rolledBack(err, undoLimits)
	}
	undoDevices, err := u.setDevices()
	if err != nil {
		return rolledBack(err, undoLimits)
	}
	undoSchemas, err := setResctrlSchemas(u.record, u.o.L3CacheSchema, u.o.MemBwSchema)
	if err != nil {
		return rolledBack(err, undoDevices, undoLimits)
	}
	if err := u.save(); err != nil {
		return rolledBack(err, undoSchemas, undoDevices, undoLimits)
	}
	return nil
}

func (u *updating) setDevices() (undo func() error, err error) {
	nothing := func() error { return nil }
	if cgroups.SameDevices(u.before.Devices, u.after.Devices) {
		return nothing, nil
	}
	notCached, err := u.cgroup.UpdateDevices(u.before.Devices, u.after.Devices, u.dir.CacheDir())
	if err != nil {
		return nothing, err
	}
	u.warnAbout(notCached)
	if others, err := u.cgroup.ForeignFilters(); err == nil && len(others) > 0 {
		u.warn("update " + u.dir.ID + ": what these programs on the cgroup deny stays denied: " + strings.Join(others, ", "))
	}
	return func() error {
		_, err := u.cgroup.UpdateDevices(u.after.Devices, u.before.Devices, u.dir.CacheDir())
		return err
	}, nil
}

func (u *updating) warnAbout(err error) {
	if err != nil {
		u.warn("update " + u.dir.ID + ": " + err.Error())
	}
}

func (u *updating) save() error {
	b, err := json.Marshal(u.after)
	if err != nil {
		return &fault.Error{Op: "encode", Path: "resources.json", Err: err}
	}
	return u.dir.SaveResources(b)
}

// savedResources are the limits and rules in force: those of config.json, or what updates have made of them.
func savedResources(d *state.Dir) (*specs.LinuxResources, error) {
	b, err := d.Resources()
	if err == nil {
		r, _, err := spec.LoadResources(b, "resources.json")
		return r, err
	}
	if !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	config, err := savedSpec(d)
	if err != nil {
		return nil, err
	}
	if config.Linux == nil || config.Linux.Resources == nil {
		return &specs.LinuxResources{}, nil
	}
	return config.Linux.Resources, nil
}

// rolledBack takes changes back and adds to the error whether that has worked (JU9).
func rolledBack(err error, undo ...func() error) error {
	var failed []error
	for _, f := range undo {
		failed = append(failed, f())
	}
	return &undone{err: err, undo: errors.Join(failed...)}
}

// undone is the error of an update that was taken back, or was meant to be.
type undone struct{ err, undo error }

func (u *undone) Error() string {
	if u.undo == nil {
		return u.err.Error() + "; everything is as before"
	}
	return u.err.Error() + "; NOT everything could be put back: " + strings.ReplaceAll(u.undo.Error(), "\n", ", ")
}

func (u *undone) Unwrap() error { return u.err }

// patch reads what the caller wants to change: the file, and on top of it the flags.
func (o *UpdateOptions) patch() (*resources.Patch, error) {
	p := &resources.Patch{Set: &specs.LinuxResources{}}
	if o.Resources != "" {
		content, err := readDocument(o.Resources)
		if err != nil {
			return nil, &fault.Error{Op: "open", Path: o.Resources, Err: err, Hint: "give a file with JSON, or - for standard input"}
		}
		if p.Set, p.Removed, err = spec.LoadResources(content, documentName(o.Resources)); err != nil {
			return nil, err
		}
	}
	given := p.Set.Devices
	for i := range o.Limits {
		later, err := o.Limits[i].patch()
		if err != nil {
			return nil, err
		}
		p.Add(later)
	}
	p.Set.Devices = given
	problems := append(spec.ValidateResources(p.Set),
		spec.ValidateIntelRdt(&specs.LinuxIntelRdt{L3CacheSchema: o.L3CacheSchema, MemBwSchema: o.MemBwSchema})...)
	if len(problems) > 0 {
		return nil, o.locate(problems[0])
	}
	return p, nil
}

// Empty says whether nothing is to be changed.
func (o *UpdateOptions) Empty() bool {
	return o.Resources == "" && len(o.Limits) == 0 && len(o.DeviceRules) == 0 && o.L3CacheSchema == "" && o.MemBwSchema == ""
}

// patch makes a patch of one member.
func (l *LimitFlag) patch() (p resources.Patch, err error) {
	document, end := "", ""
	for name := range strings.SplitSeq(l.Pointer[1:], "/") {
		document += `{"` + name + `":`
		end += "}"
	}
	p.Set, p.Removed, err = spec.LoadResources([]byte(document+l.Value+end), l.Flag)
	if e, ok := err.(*fault.Error); ok {
		e.Pointer = ""
	}
	return p, err
}

// locate says of an error about an entry below /linux/resources where the caller has given it.
func (o *UpdateOptions) locate(err error) error {
	if u, ok := err.(*undone); ok {
		return &undone{err: o.locate(u.err), undo: u.undo}
	}
	e, ok := err.(*fault.Error)
	if !ok || e.File != "" {
		return err
	}
	located := *e
	switch e.Pointer {
	case "/linux/intelRdt/l3CacheSchema":
		located.File, located.Pointer = "--l3-cache-schema", ""
		return &located
	case "/linux/intelRdt/memBwSchema":
		located.File, located.Pointer = "--mem-bw-schema", ""
		return &located
	}
	pointer, found := strings.CutPrefix(e.Pointer, "/linux/resources")
	if !found {
		return err
	}
	for _, l := range o.Limits {
		if l.Pointer == pointer || strings.HasPrefix(l.Pointer, pointer+"/") {
			located.File, located.Pointer = l.Flag, ""
			return &located
		}
	}
	if o.Resources != "" {
		located.File, located.Pointer = documentName(o.Resources), pointer
	}
	return &located
}
