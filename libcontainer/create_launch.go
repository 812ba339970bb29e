package libcontainer

import (
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/seccomp"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
	"github.com/tare-run/tare/libcontainer/step"
)

// The steps of create from the first resource on.

// initTimeout bounds how long init may be silent when no hook runs.
const initTimeout = 60 * time.Second

// destroyTimeout bounds the wait for a killed cgroup to become empty.
const destroyTimeout = 10 * time.Second

func (c *creation) makeCgroup() error {
	if c.cgroup == nil {
		return nil
	}
	return c.cgroup.Create()
}

func (c *creation) openImage() (err error) {
	c.image, err = launch.OpenImage(c.root.CacheDir())
	if err == nil {
		c.record.Image = [2]uint64{c.image.Dev, c.image.Ino}
	}
	return err
}

func (c *creation) openGate() (err error) {
	if c.by != otherCommand {
		return nil
	}
	c.gateFd, err = c.dir.ListenGate()
	return err
}

// startInit clones init.
func (c *creation) startInit() error {
	o := &launch.Options{Image: c.image, CloneFlags: c.plan.CloneFlags &^ heldKinds, Held: c.held, CgroupFd: -1, PreserveFDs: c.o.PreserveFDs, KeepGroups: spec.KeepsGroups(c.spec)}
	for _, n := range c.plan.Join {
		o.Namespaces = append(o.Namespaces, launch.Namespace(n))
	}
	if c.cgroup != nil {
		fd, err := c.cgroup.UnifiedFd()
		if err != nil {
			return err
		}
		o.CgroupFd = fd
	}
	p, err := launch.Start(o)
	if err != nil {
		return err
	}
	c.init = p
	return nil
}

func (c *creation) joinCgroups() error {
	if c.cgroup == nil {
		return nil
	}
	return c.cgroup.Add(c.init.Pid, false) // clone3 has put it into the unified hierarchy, unless systemd makes that cgroup
}

func (c *creation) resources() *specs.LinuxResources {
	if c.spec.Linux == nil || c.spec.Linux.Resources == nil {
		return &specs.LinuxResources{}
	}
	return c.spec.Linux.Resources
}

// setLimits writes every limit but that on processes, see limitProcesses.
func (c *creation) setLimits() error {
	r := *c.resources()
	if c.cgroup != nil {
		r.Pids = nil
		return c.cgroup.Set(&r)
	}
	if _, pointer := cgroups.FirstLimit(&r); pointer != "" {
		return &fault.Error{Pointer: pointer, Err: fault.Text("limits need a cgroup"), Hint: "leave out --cgroup-manager=disabled, or the limits"}
	}
	return nil
}

// limitProcesses comes when init needs no more threads: the Go runtime cannot start under a limit of a few processes, nor
// clone3 into a cgroup whose limit is 0. What runs before it are the runtime's and createContainer hooks.
func (c *creation) limitProcesses() error {
	if pids := c.resources().Pids; c.cgroup != nil && pids != nil {
		return c.cgroup.Set(&specs.LinuxResources{Pids: pids})
	}
	return nil
}

// setDevices attaches the device filter, with or without rules: the default is the short list of devices that every
// container may use. Without a cgroup there is none, and rules are then an error rather than ignored.
func (c *creation) setDevices() error {
	rules := c.resources().Devices
	if c.cgroup != nil {
		notCached, err := c.cgroup.SetDevices(rules, c.root.CacheDir())
		c.warnNotCached(notCached)
		if err != nil && c.tolerateDevices(err) {
			return nil
		}
		return err
	}
	if c.rootless() && !hostRoot() {
		return nil // see tolerateDevices
	}
	for i := range rules {
		if rules[i].Allow && (rules[i].Type == "" || rules[i].Type == "a") {
			continue // "everything" is what there is without a filter
		}
		return &fault.Error{Pointer: fault.Ptr("linux", "resources", "devices", i), Err: fault.Text("a device filter needs a cgroup"), Hint: "leave out --cgroup-manager=disabled, or the rules"}
	}
	return nil
}

func (c *creation) seccomp() error {
	return c.fillFilter(c.plan, c.spec, c.root.CacheDir(), "create "+c.o.ID)
}

// fillFilter fills the compiled filter into a plan.
func (r *Runtime) fillFilter(p *plan.Plan, s *specs.Spec, cacheDir, verb string) error {
	if !p.NeedsSeccomp {
		return nil
	}
	program, err := seccomp.Compile(s.Linux.Seccomp, cacheDir)
	if err != nil {
		return fault.At("/linux/seccomp", err)
	}
	if program.NotCached != nil {
		r.warn(verb + ": " + program.NotCached.Error())
	}
	if len(program.Unknown) > 0 {
		r.debug(verb + ": libseccomp does not know " + strings.Join(program.Unknown, ", "))
	}
	for i := range p.Init {
		if s, ok := p.Init[i].Step.(*step.Seccomp); ok {
			s.Filter, s.Flags = program.Filter, program.Flags
		}
	}
	return nil
}

// warnNotCached says that a compiled program could not be kept: it is good, and the next create will have to wait again.
func (c *creation) warnNotCached(err error) {
	if err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
	}
}

func (c *creation) sendPlan() error {
	for i := range c.plan.Init {
		if h, ok := c.plan.Init[i].Step.(*step.Hook); ok {
			h.StatePrefix = c.statePrefix(h.Kind)
		}
	}
	return c.init.SendPlan(c.plan.Init, c.trees, c.gateFd)
}

func (c *creation) await() error {
	h := &launch.Handlers{RuntimeHooks: c.runtimeHooks, Warn: func(text string) { c.debug("create " + c.o.ID + ": " + text) }}
	if c.spec.Process != nil && c.spec.Process.Terminal {
		h.Console = c.console
	}
	h.Listener = listenerFor(c.spec, c.hookState(specs.StateCreating, c.init.Pid))
	timeout := (initTimeout + time.Duration(c.plan.HookSeconds)*time.Second).Milliseconds()
	if c.plan.UnboundedHook {
		timeout = 0
	}
	return c.init.Await(h, timeout)
}

func (c *creation) recordCreated() error {
	stat, err := readStat(c.init.Pid)
	if err != nil {
		return &fault.Error{Op: "stat", Path: "/proc/" + strconv.Itoa(c.init.Pid) + "/stat", Err: err}
	}
	c.record.Creating, c.record.Cgroup = false, recordCgroup(c.cgroup) // which has been made only now, if by systemd
	c.record.Init = state.Process{Pid: c.init.Pid, StartTime: stat.startTime}
	return c.dir.Save(c.record)
}

// handOver gives the caller what it asked for, then lets go of init.
func (c *creation) handOver() error {
	if c.o.PidfdSocket != "" {
		if err := sendPidfd(c.o.PidfdSocket, c.init.Pidfd); err != nil {
			return err
		}
	}
	if c.o.PidFile != "" {
		if err := writePidFile(c.o.PidFile, c.init.Pid); err != nil {
			return err
		}
	}
	if c.by != otherCommand {
		return nil // Begin releases it
	}
	return c.init.Release()
}

// destroyCgroup removes a cgroup; nil is no cgroup. With kill, whatever still lives in it is killed first: needed where the
// end of init has not ended everything else.
func destroyCgroup(m *cgroups.Manager, kill bool) error {
	if m == nil {
		return nil
	}
	if kill {
		if err := m.Kill(); err != nil {
			return err
		}
	}
	return m.Destroy(destroyTimeout)
}

func closeFd(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}
