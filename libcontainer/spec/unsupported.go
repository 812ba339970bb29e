package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// notSupported says that this version of tare does not do something. It is fault.ErrNotSupported with a name.
type notSupported struct{ what string }

func (e notSupported) Error() string { return e.what + " not supported by this version of tare" }
func (e notSupported) Unwrap() error { return fault.ErrNotSupported }

// unsupported is the one list of what this version refuses. A setting without effect is refused too rather than ignored:
// most of these confine the container, and a user who asked for one must not believe to have it (security rule 12).
// What asks for nothing (empty strings, empty lists, zero weights, as engines write them) is let through.
func (c *checker) unsupported(s *specs.Spec) {
	c.refuse(s.VM != nil, "virtual machines are", "vm")
	c.unsupportedProcess(s.Process)
	for i, m := range s.Mounts {
		idmapped := slices.Contains(m.Options, "idmap") || slices.Contains(m.Options, "ridmap")
		c.refuse(idmapped || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0, "idmapped mounts are", "mounts", i)
	}
	l := c.linux
	for i, n := range l.Namespaces {
		c.refuse(refusedNamespace(n.Type), string(n.Type)+" namespaces are", "linux", "namespaces", i)
	}
	c.refuse(len(l.UIDMappings) > 0, "user namespaces are", "linux", "uidMappings")
	c.refuse(len(l.GIDMappings) > 0, "user namespaces are", "linux", "gidMappings")
	c.refuse(len(l.TimeOffsets) > 0, "time namespaces are", "linux", "timeOffsets")
	c.refuse(l.MountLabel != "", "SELinux labels are", "linux", "mountLabel")
	if l.Resources != nil {
		c.unsupportedResources(l.Resources)
	}
}

func (c *checker) unsupportedProcess(p *specs.Process) {
	if p == nil {
		return
	}
	c.refuse(p.ApparmorProfile != "", "AppArmor profiles are", "process", "apparmorProfile")
	c.refuse(p.SelinuxLabel != "", "SELinux labels are", "process", "selinuxLabel")
}

func (c *checker) unsupportedResources(r *specs.LinuxResources) {
	if b := r.BlockIO; b != nil {
		asked := b.Weight != nil && *b.Weight != 0 || b.LeafWeight != nil && *b.LeafWeight != 0 ||
			len(b.WeightDevice)+len(b.ThrottleReadBpsDevice)+len(b.ThrottleWriteBpsDevice)+
				len(b.ThrottleReadIOPSDevice)+len(b.ThrottleWriteIOPSDevice) > 0
		c.refuse(asked, "block I/O limits are", "linux", "resources", "blockIO")
	}
	c.refuse(len(r.HugepageLimits) > 0, "huge page limits are", "linux", "resources", "hugepageLimits")
	c.refuse(len(r.Rdma) > 0, "RDMA limits are", "linux", "resources", "rdma")
	if n := r.Network; n != nil {
		asked := n.ClassID != nil && *n.ClassID != 0 || len(n.Priorities) > 0
		c.refuse(asked, "network classes and priorities are", "linux", "resources", "network")
	}
	if m := r.Memory; m != nil {
		c.refuse(m.Kernel != nil && *m.Kernel > 0, "kernel memory limits are", "linux", "resources", "memory", "kernel")
		c.refuse(m.KernelTCP != nil && *m.KernelTCP > 0, "kernel TCP memory limits are", "linux", "resources", "memory", "kernelTCP")
		c.refuse(m.Swappiness != nil, "memory swappiness is", "linux", "resources", "memory", "swappiness")
		c.refuse(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "disabling the OOM killer is", "linux", "resources", "memory", "disableOOMKiller")
		// True is what cgroup v2 always does, and cgroup v1 since Linux 5.11.
		c.refuse(m.UseHierarchy != nil && !*m.UseHierarchy, "memory accounting without hierarchy is", "linux", "resources", "memory", "useHierarchy")
	}
	if p := r.CPU; p != nil {
		c.refuse(p.RealtimeRuntime != nil && *p.RealtimeRuntime != 0, "realtime CPU limits are", "linux", "resources", "cpu", "realtimeRuntime")
		c.refuse(p.RealtimePeriod != nil && *p.RealtimePeriod != 0, "realtime CPU limits are", "linux", "resources", "cpu", "realtimePeriod")
	}
}

// refuse reports something asked for that is not supported.
func (c *checker) refuse(asked bool, what string, at ...any) {
	if asked {
		c.problems = append(c.problems, &fault.Error{Pointer: fault.Ptr(at...), Err: notSupported{what}})
	}
}

func refusedNamespace(kind specs.LinuxNamespaceType) bool {
	return kind == specs.UserNamespace || kind == specs.TimeNamespace
}

// NamespaceTypes returns the types of namespace that can be asked for, in alphabetical order.
func NamespaceTypes() []string {
	var names []string
	for _, kind := range namespaceTypes {
		if !refusedNamespace(kind) {
			names = append(names, string(kind))
		}
	}
	return names
}
