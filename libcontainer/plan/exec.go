package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/step"
)

// ExecInput is everything the plan of an exec depends on.
type ExecInput struct {
	Spec         *specs.Spec // of the container, as it was created, with the process to execute in place of its own
	ID           string
	NoNewKeyring bool // as the container was created
	PreserveFDs  int
	ExtraEnv     []string
	Labels       Labels
	// Rootfs is the directory to enter where the container has no mount namespace of its own. Where it has, its root is
	// what "/" means once the namespace is entered.
	Rootfs        string
	SharesMountNS bool
}

// CompileExec makes the plan of a process that joins a running container. Namespaces are joined before it begins; root and
// mounts are there. What is left is what every process of the container gets: the same code plans it for both.
func CompileExec(in *ExecInput) (*Plan, error) {
	s := *in.Spec
	s.Hooks = nil // of the container's life, not of each process
	c := &compiler{
		in:   &Input{Spec: &s, ID: in.ID, PreserveFDs: in.PreserveFDs, ExtraEnv: in.ExtraEnv, Labels: in.Labels},
		spec: &s, plan: &Plan{Init: make([]step.Entry, 0, 32)},
	}
	if !in.NoNewKeyring {
		c.keyring()
	}
	c.execRoot(in)
	if err := c.execConsole(); err != nil {
		return nil, err
	}
	c.execAffinity()
	c.add("/process/cwd", &step.MakeCwd{Path: s.Process.Cwd, Existing: true})
	return c.plan, c.process()
}

// execRoot enters the root where the namespaces do not bring it along.
func (c *compiler) execRoot(in *ExecInput) {
	if in.SharesMountNS {
		c.add("/root/path", &step.Root{Path: in.Rootfs, Shared: true})
		c.add("", &step.Chroot{})
	}
}

func (c *compiler) execConsole() error {
	if err := c.console(); err != nil {
		return err
	}
	if c.spec.Process.Terminal {
		c.plan.Init[len(c.plan.Init)-1].Step.(*step.Console).Exec = true
	}
	return nil
}

// execAffinity plans the final CPUs. The initial ones are the runtime's to set, before the clone into the cgroup
// (config.md, "execCPUAffinity").
func (c *compiler) execAffinity() {
	a := c.spec.Process.ExecCPUAffinity
	if a == nil {
		return
	}
	c.plan.InitialCPUs, _ = spec.ParseCPUs(a.Initial) // package spec has refused lists that are none
	if final, _ := spec.ParseCPUs(a.Final); len(final) > 0 {
		c.add("/process/execCPUAffinity/final", &step.Affinity{CPUs: final})
	}
}
