package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// namespaces are the CLONE_NEW* bits of what the container has of its own, made or joined.
type namespaces struct{ made, joined uint64 }

func (n namespaces) has(kind uint64) bool { return (n.made|n.joined)&kind != 0 }

// namespaceKind turns the specification's word into the kernel's number; 0 for one that is unknown or not supported.
func namespaceKind(t specs.LinuxNamespaceType) uint64 {
	switch t {
	case specs.PIDNamespace:
		return unix.CLONE_NEWPID
	case specs.NetworkNamespace:
		return unix.CLONE_NEWNET
	case specs.MountNamespace:
		return unix.CLONE_NEWNS
	case specs.IPCNamespace:
		return unix.CLONE_NEWIPC
	case specs.UTSNamespace:
		return unix.CLONE_NEWUTS
	case specs.CgroupNamespace:
		return unix.CLONE_NEWCGROUP
	case specs.UserNamespace:
		return unix.CLONE_NEWUSER
	case specs.TimeNamespace:
		return unix.CLONE_NEWTIME
	}
	return 0
}

func (c *compiler) namespaces() error {
	cgroup := ""
	for i, n := range c.linux().Namespaces {
		pointer := fault.Ptr("linux", "namespaces", i)
		kind := namespaceKind(n.Type)
		switch {
		case kind == 0:
			return &fault.Error{Pointer: pointer, Op: "namespace", Path: string(n.Type), Err: fault.ErrNotSupported}
		case n.Path != "":
			c.ns.joined |= kind
			c.plan.Join = append(c.plan.Join, Namespace{Kind: kind, Path: n.Path, Pointer: pointer + "/path"})
		default:
			c.ns.made |= kind
			if kind == unix.CLONE_NEWCGROUP {
				cgroup = pointer
			}
		}
	}
	c.plan.CloneFlags = c.ns.made &^ unix.CLONE_NEWCGROUP
	c.plan.PrivatePid = c.ns.made&unix.CLONE_NEWPID != 0
	c.plan.UserNamespace = c.ns.has(unix.CLONE_NEWUSER)
	c.plan.TimeOffsets = timeOffsets(c.linux().TimeOffsets)
	if err := c.mapped(); err != nil {
		return err
	}

	if !c.in.NoNewKeyring {
		c.keyring()
	}
	if cgroup != "" {
		c.add(cgroup, &step.CgroupNamespace{})
	}
	if c.ns.made&unix.CLONE_NEWNET != 0 {
		c.add("", &step.Loopback{})
	}
	if c.spec.Hostname != "" {
		c.add("/hostname", &step.Hostname{Name: c.spec.Hostname})
	}
	if c.spec.Domainname != "" {
		c.add("/domainname", &step.Domainname{Name: c.spec.Domainname})
	}
	return nil
}
