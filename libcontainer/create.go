package libcontainer

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/netdevices"
	"github.com/tare-run/tare/libcontainer/overlay"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/resctrl"
	"github.com/tare-run/tare/libcontainer/state"
)

// creation is one create under way. Its steps are listed in createSteps; each takes what earlier ones left here.
type creation struct {
	*Runtime
	o  *CreateOptions
	by starter

	config []byte // exactly as given
	bundle string
	spec   *specs.Spec
	plan   *plan.Plan
	host   *cgroups.Host

	overlay *overlay.Config // nil for the root as it is

	root   *state.Root
	dir    *state.Dir
	record *state.Record
	cgroup *cgroups.Manager
	image  launch.Image
	gateFd int
	held   []launch.Held
	init   *launch.Process
	trees  []int // descriptors that go with the plan

	netDevices  *netdevices.Moved // nil for none
	resctrl     *resctrl.Group    // nil without intelRdt
	madeResctrl *resctrl.Made

	masterFd int // the container's terminal, for a run in the foreground; −1 for none

	hooksRan bool // the runtime-side hooks have begun, so poststop hooks are due on failure
}

// createSteps is create from its first effect to its last. Up to "record intent" nothing has been changed; from there on
// a failure, or a later delete --force, undoes whatever was done.
var createSteps = [...]struct {
	name string
	run  func(*creation) error
}{
	{"load", (*creation).load},                         // parse and validate
	{"compile", (*creation).compile},                   // host facts in, plan out
	{"record intent", (*creation).recordIntent},        // every name that will be used is on disk before the first use
	{"notification directory", (*creation).makeNotify}, // for sd_notify(3); few have one
	{"overlay", (*creation).makeOverlay},               // its directory; init mounts it
	{"cgroup", (*creation).makeCgroup},                 // before clone3, which puts init into it
	{"image", (*creation).openImage},                   //
	{"start gate", (*creation).openGate},               //
	{"held namespaces", (*creation).holdNamespaces},    // user and time: they are set up before anything executes in them
	{"clone", (*creation).clone},                       // init boots from here on, while the next four steps run
	{"join v1 cgroups", (*creation).joinCgroups},       // before the plan: init unshares its cgroup namespace with it
	{"delegate cgroup", (*creation).delegateCgroup},    // before the plan: init may be of the user it goes to
	{"limits", (*creation).setLimits},                  // before the plan: nothing of the container runs without them
	{"device filter", (*creation).setDevices},          //
	{"seccomp program", (*creation).seccomp},           //
	{"joined mappings", (*creation).checkJoined},       //
	{"privileges", (*creation).adjust},                 // what root of a user namespace may not do
	{"open sources", (*creation).openTrees},            // and what it cannot reach
	{"map mounts", (*creation).mapMounts},              // idmap: detached mounts, mapped by user namespaces
	{"resource groups", (*creation).joinResctrl},       // before the plan: init has no children yet
	{"network devices", (*creation).moveNetDevices},    // before the plan, hence before hooks and sysctls that name them
	{"send plan", (*creation).sendPlan},                //
	{"await created", (*creation).await},               // hooks of the runtime side run in here
	{"limit processes", (*creation).limitProcesses},
	{"record created", (*creation).recordCreated},
	{"hand over", (*creation).handOver}, // pid file, pidfd; then init is released
}

// Create makes a container from a bundle, ready to start. An error leaves nothing behind.
func (r *Runtime) Create(o CreateOptions) error {
	c, err := r.create(&o, otherCommand)
	if err != nil {
		return verb("create", o.ID, err)
	}
	c.close()
	return nil
}

// starter says who will start a container.
type starter int

const (
	otherCommand  starter = iota // start, through the gate
	detachedRun                  // the caller of create, who has init's wire and the lock
	foregroundRun                // as detachedRun, and the terminal stays with the caller
)

// create runs the steps. The caller closes the creation.
func (r *Runtime) create(o *CreateOptions, by starter) (*creation, error) {
	c := &creation{Runtime: r, o: o, by: by, gateFd: -1, masterFd: -1, image: launch.Image{Fd: -1}}
	for i := range createSteps {
		if r.Debug != nil {
			r.Debug("create " + o.ID + ": step: " + createSteps[i].name)
		}
		if err := createSteps[i].run(c); err != nil {
			if c.init != nil && outOfMemory(c.cgroup) {
				err = errOutOfMemory
			}
			c.undo()
			c.close()
			return nil, err
		}
	}
	c.leaveNetDevices()
	return c, nil
}

// undo takes back what the steps have done, in reverse, and as far as possible: what remains is warned about, and the
// record stays then, so that delete --force can try again.
func (c *creation) undo() {
	if c.init != nil {
		c.init.Abort()
	}
	c.fetchNetDevices()
	c.undoResctrl()
	if c.dir == nil {
		return
	}
	// In a pid namespace of its own nothing outlives init. Without init, whatever is in the cgroup is not ours.
	if err := destroyCgroup(c.cgroup, c.record.SharedPid && c.init != nil); err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
		return
	}
	if err := c.removeOverlay(c.record, false); err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
		return
	}
	if c.hooksRan {
		c.poststop(c.spec.Hooks, c.hookState(specs.StateStopped, 0))
	}
	if err := c.dir.Remove(); err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
	}
}

func (c *creation) close() {
	closeFd(c.image.Fd)
	closeFd(c.gateFd)
	closeFd(c.masterFd)
	for _, h := range c.held {
		closeFd(h.Fd)
	}
	for _, fd := range c.trees {
		closeFd(fd)
	}
	if c.init != nil {
		c.init.Close()
	}
	if c.cgroup != nil {
		c.cgroup.Close()
	}
	if c.dir != nil {
		c.dir.Close()
	}
	if c.root != nil {
		c.root.Close()
	}
}

// checkRootfs refuses roots that cannot be one, before anything is made.
func checkRootfs(path string) error {
	if path == "/" {
		return &fault.Error{Pointer: "/root/path", Op: "root", Path: path, Err: fault.Text("is the host's own root"), Hint: "give the container a directory of its own"}
	}
	return checkDirectory("root", "/root/path", path)
}
