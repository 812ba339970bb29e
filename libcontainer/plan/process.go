package plan

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/step"
)

// sysctls are written through our own procfs, so the read-only paths of the container do not matter to them.
func (c *compiler) sysctls() {
	values := c.linux().Sysctl
	for _, key := range slices.Sorted(maps.Keys(values)) { // sorted: one input, one plan
		c.add(fault.Ptr("linux", "sysctl", key), &step.Sysctl{Path: spec.SysctlPath(key), Value: values[key]})
	}
}

// process plans everything from the finished root to the program.
//
// The identity is taken on before init waits for start, so that a program the user may not execute is an error of create.
// Only a seccomp filter without no_new_privs comes in the way, see filterFirst.
func (c *compiler) process() error {
	p := c.spec.Process
	if p == nil {
		c.add("", &step.WaitStart{}) // start is an error, but create is not (config.md, "process": REQUIRED when start is called)
		return nil
	}
	if err := c.resources(p); err != nil {
		return err
	}
	if c.linux().Seccomp != nil && !p.NoNewPrivileges {
		c.filterFirst(p)
	} else {
		c.identity(p)
		c.cwd(p)
		c.lookPath(p)
		c.add("", &step.WaitStart{})
		c.hooks("startContainer", c.startHooks())
		c.add("", &step.CloseFDs{Preserve: c.in.PreserveFDs})
		c.cwd(p) // again, with no descriptor left that could have led outside
		c.lastRlimit()
		if c.linux().Seccomp != nil {
			c.seccomp() // last: whatever comes later must be allowed by the profile
		}
	}
	env := process.MergeEnv(append(slices.Clone(p.Env), c.in.ExtraEnv...))
	c.add("/process/args/0", &step.Exec{Args: p.Args, Env: env})
	return nil
}

// filterFirst plans the end where loading the filter needs CAP_SYS_ADMIN, so that the identity must come after it. What
// follows the filter must be allowed by the profile, so everything else is done before: only the change of identity and
// execve are left. With startContainer hooks the filter comes before the wait, because a hook, whose program may be the
// image's, must not have more privileges than the container; that profile must allow waiting and closing as well.
func (c *compiler) filterFirst(p *specs.Process) {
	hooks := c.startHooks()
	c.lookPath(p)
	if len(hooks) == 0 {
		c.add("", &step.WaitStart{})
		c.add("", &step.CloseFDs{Preserve: c.in.PreserveFDs})
	}
	c.cwd(p)
	if len(hooks) == 0 {
		c.lastRlimit()
	}
	c.seccomp()
	c.identity(p)
	if len(hooks) > 0 {
		c.add("", &step.WaitStart{})
		c.hooks("startContainer", hooks)
		c.add("", &step.CloseFDs{Preserve: c.in.PreserveFDs})
		c.lastRlimit()
	}
}

func (c *compiler) cwd(p *specs.Process) { c.add("/process/cwd", &step.Cwd{Path: p.Cwd}) }

func (c *compiler) lookPath(p *specs.Process) {
	c.add("/process/args/0", &step.LookPath{Name: p.Args[0], UID: p.User.UID})
}

// resources are what the process is given while init is still privileged.
func (c *compiler) resources(p *specs.Process) error {
	c.labels(p)
	if p.OOMScoreAdj != nil {
		c.add("/process/oomScoreAdj", &step.OOMScoreAdj{Adj: *p.OOMScoreAdj})
	}
	c.scheduling(p)
	c.domain()
	c.memoryPolicy()
	if err := c.rlimits(p); err != nil {
		return err
	}
	c.add("/process/user", &step.Stdio{UID: p.User.UID})
	return nil
}

func (c *compiler) rlimits(p *specs.Process) error {
	var limits []step.Rlimit
	for i, r := range p.Rlimits {
		n, ok := process.RlimitByName(r.Type)
		if !ok {
			return &fault.Error{Pointer: fault.Ptr("process", "rlimits", i, "type"), Op: "rlimit", Path: r.Type, Err: fault.Text("is unknown")}
		}
		limit := step.Rlimit{Resource: n, Soft: r.Soft, Hard: r.Hard}
		if n == unix.RLIMIT_NOFILE {
			c.nofile = &limit
		} else {
			limits = append(limits, limit)
		}
	}
	if len(limits) > 0 {
		c.add("/process/rlimits", &step.Rlimits{Limits: limits})
	}
	if c.nofile != nil {
		c.add("/process/rlimits", &step.Rlimits{Limits: []step.Rlimit{*c.nofile}, RaiseOnly: true})
	}
	return nil
}

// lastRlimit is the limit on open files, when nothing but the program will open any.
func (c *compiler) lastRlimit() {
	if c.nofile != nil {
		c.add("/process/rlimits", &step.Rlimits{Limits: []step.Rlimit{*c.nofile}})
	}
}

func (c *compiler) seccomp() {
	c.plan.NeedsSeccomp = true
	c.add("/linux/seccomp", &step.Seccomp{})
}

// identity plans the change to the container's user. The order is the kernel's: the bounding set wants CAP_SETPCAP, which
// the change of uid may take; the other sets come after it, because the change clears them.
func (c *compiler) identity(p *specs.Process) {
	caps := p.Capabilities
	var sets step.Capabilities
	if caps != nil {
		c.add("/process/capabilities/bounding", &step.Bounding{Mask: c.capabilityMask("bounding", caps.Bounding)})
		sets = step.Capabilities{
			Effective:   c.capabilityMask("effective", caps.Effective),
			Permitted:   c.capabilityMask("permitted", caps.Permitted),
			Inheritable: c.capabilityMask("inheritable", caps.Inheritable),
			Ambient:     c.capabilityMask("ambient", caps.Ambient),
		}
	}
	id := &step.Identity{UID: p.User.UID, GID: p.User.GID, Groups: p.User.AdditionalGids, Umask: 0o022, HasUmask: true}
	if spec.KeepsGroups(c.spec) {
		id.KeepGroups, id.Groups = true, nil
		c.keepsGroups(p)
	}
	if p.User.Umask != nil {
		id.Umask = *p.User.Umask
	}
	c.add("/process/user", id)
	if caps != nil {
		c.add("/process/capabilities", &sets)
	}
	if p.NoNewPrivileges {
		c.add("/process/noNewPrivileges", &step.NoNewPrivs{})
	}
}

// keepsGroups says that what the configuration lists is not set: one list cannot be added to the other, because groups without
// a mapping cannot be named.
func (c *compiler) keepsGroups(p *specs.Process) {
	if len(p.User.AdditionalGids) > 0 {
		c.plan.Warnings = append(c.plan.Warnings,
			"config.json /process/user/additionalGids: not set, the annotation "+spec.KeepGroupsAnnotation+" keeps the groups of the caller")
	}
}

// capabilityMask turns names into bits. Names that nobody knows are warned about and left out (config.md, "capabilities":
// "Runtimes SHOULD NOT fail if the container configuration requests capabilities that cannot be granted").
func (c *compiler) capabilityMask(set string, names []string) uint64 {
	mask, unknown := capabilities.MaskFromNames(names)
	for _, name := range unknown {
		c.plan.Warnings = append(c.plan.Warnings, "config.json "+fault.Ptr("process", "capabilities", set)+": capability "+name+" is unknown, ignored")
	}
	return mask
}
