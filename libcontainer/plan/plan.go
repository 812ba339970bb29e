// Package plan compiles a specification and the facts of the host into what will be done: the namespaces that clone3
// makes or joins, and the ordered list of steps for init.
//
// It is pure: it reads no file and asks the kernel nothing, so the same input gives the same plan on every machine and as
// every user. Words become kernel numbers here, conflicts are found here, and the order is fixed here, with a reason at
// each place where it matters. The specification has been validated before.
package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/overlay"
	"github.com/tare-run/tare/libcontainer/step"
)

// Input is everything a plan depends on.
type Input struct {
	Spec         *specs.Spec
	ID           string
	Bundle       string // absolute host path
	NoPivot      bool
	NoNewKeyring bool
	PreserveFDs  int
	ExtraEnv     []string // LISTEN_FDS and the like, from the runtime's own environment
	NotifyDir    string   // host path of the directory for the socket of sd_notify(3); empty for none
	Labels       Labels
	Links        map[int]string  // targets of the sources that are symbolic links, by index of the mount, where that matters
	Overlay      *overlay.Config // nil for the root as it is
	AppendLower  bool            // the kernel takes the layers of an overlay one by one
	// Cgroups are the hierarchies a cgroup mount shows.
	Cgroups []step.CgroupHierarchy
	// ForeignCgroups says that they are the runtime's, for want of the container's own: they are shown read-only.
	ForeignCgroups bool
}

// Labels are facts of the host about its security modules.
type Labels struct {
	AppArmor          bool // enforces profiles
	AppArmorDirectory bool // has files of its own below /proc/PID/attr
}

// Namespace is an existing namespace to join.
type Namespace struct {
	Kind    uint64 // CLONE_NEW*
	Path    string
	Pointer string
}

// Plan is the result.
type Plan struct {
	CloneFlags uint64 // namespaces to make; the cgroup namespace is a step of init instead
	Join       []Namespace
	Rootfs     string      // absolute host path
	IDMaps     []IDMap     // done before init gets its steps
	NetDevices []NetDevice // moved before init gets its steps
	Init       []step.Entry
	Warnings   []string
	// NeedsSeccomp says that Init has a step.Seccomp whose Filter the runtime fills in while init boots.
	NeedsSeccomp bool
	// UnboundedHook says that a container-side hook may run without a time-out, so silence of init means nothing.
	UnboundedHook bool
	// HookSeconds is the sum of the time-outs of the container-side hooks.
	HookSeconds int
	// InitialCPUs are those that an exec starts on; empty for any.
	InitialCPUs []uint32
	// PrivatePid says that the container has a pid namespace of its own: killing init kills everything in it.
	PrivatePid bool
	// UserNamespace says that the container is in a user namespace other than the runtime's, new or joined.
	UserNamespace bool
	TimeOffsets   string // for a new time namespace
}

// JoinsMounts says whether the container is in a mount namespace that exists already.
func (p *Plan) JoinsMounts() bool {
	for _, n := range p.Join {
		if n.Kind == unix.CLONE_NEWNS {
			return true
		}
	}
	return false
}

// compiler carries the plan under construction.
type compiler struct {
	in   *Input
	spec *specs.Spec
	plan *Plan
	ns   namespaces

	nofile *step.Rlimit // RLIMIT_NOFILE, which comes last; nil for none
}

// Compile makes the plan. Its errors are *fault.Error with pointers.
func Compile(in *Input) (*Plan, error) {
	c := &compiler{in: in, spec: in.Spec, plan: &Plan{Init: make([]step.Entry, 0, 64)}}
	for _, part := range []func() error{
		c.namespaces, // before everything: the rest of init runs inside them
		c.netDevices,
		c.root,
		c.mounts,
		c.devices, // after the mounts: /dev is usually one of them
		c.console, // after the devices: /dev/console is bound over what is there
		c.preparationHooks,
		c.seal, // after the hooks: they may still write to the root
		c.process,
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return c.plan, nil
}

// add appends a step that config.json asked for at pointer; an empty pointer is a step of our own.
func (c *compiler) add(pointer string, s step.Step) {
	c.plan.Init = append(c.plan.Init, step.Entry{Pointer: pointer, Step: s})
}

// linux is the platform section, never nil.
func (c *compiler) linux() *specs.Linux {
	if c.spec.Linux == nil {
		return &specs.Linux{}
	}
	return c.spec.Linux
}

// noMountNamespace refuses what cannot be done without a mount namespace: it would change the host.
func (c *compiler) noMountNamespace(pointer, what string) error {
	return &fault.Error{Pointer: pointer, Err: fault.Text(what + " needs a mount namespace"), Hint: `add {"type": "mount"} to linux.namespaces`}
}
