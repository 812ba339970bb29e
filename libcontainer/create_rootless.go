package libcontainer

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// withoutCgroup does without a cgroup that a rootless container may not have (R3): it is in the runtime's then. With a limit
// that is an error, because limits confine.
func (c *creation) withoutCgroup() error {
	if !c.rootless() {
		return nil
	}
	err := c.cgroup.Permitted(c.host)
	if err == nil {
		return nil
	}
	if controller, pointer := firstLimit(c.resources()); controller != "" {
		return &fault.Error{
			Pointer: "/linux/resources" + pointer, Op: "the " + controller + " controller is not delegated", Err: err,
			Hint: "run tare in a delegated cgroup (systemd-run --user --scope -p Delegate=yes), or take the limit out",
		}
	}
	c.debug("create " + c.o.ID + ": no cgroup of its own, and so no limits: " + err.Error())
	c.cgroup.Close()
	c.cgroup = nil
	return nil
}

// firstLimit names the controller that the first limit needs, and the limit; "" where there is none. Device rules are none.
func firstLimit(r *specs.LinuxResources) (controller, pointer string) {
	switch {
	case r.Memory != nil:
		return "memory", "/memory"
	case r.CPU != nil && (r.CPU.Cpus != "" || r.CPU.Mems != ""):
		return "cpuset", "/cpu"
	case r.CPU != nil:
		return "cpu", "/cpu"
	case r.Pids != nil:
		return "pids", "/pids"
	case r.BlockIO != nil:
		return "io", "/blockIO"
	case len(r.HugepageLimits) > 0:
		return "hugetlb", "/hugepageLimits"
	case len(r.Rdma) > 0:
		return "rdma", "/rdma"
	case r.Network != nil:
		return "net_cls", "/network"
	case len(r.Unified) > 0:
		return "cgroup", "/unified"
	}
	return "", ""
}

// tolerateDevices says whether a rootless container can do without the device filter (H22): attaching one takes CAP_BPF on the
// host. Nothing is lost, as the kernel makes no device nodes for a user namespace: the container has those that its user
// has on the host, by the permissions of the files.
func (c *creation) tolerateDevices(err error) bool {
	if !c.rootless() || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
		return false
	}
	c.debug("create " + c.o.ID + ": no device filter: " + err.Error())
	return true
}

// checkRootless refuses what only root can do (R2).
func (c *creation) checkRootless() error {
	if unix.Geteuid() == 0 || c.plan.UserNamespace {
		return nil
	}
	return &fault.Error{
		Pointer: "/linux/namespaces", Err: fault.Text("a user other than root needs a user namespace"),
		Hint: `add {"type": "user"} and mappings, as tare spec --rootless writes them`,
	}
}
