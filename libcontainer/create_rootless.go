package libcontainer

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
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
	if controller, pointer := cgroups.FirstLimit(c.resources()); controller != "" {
		return &fault.Error{
			Pointer: pointer, Op: "the " + controller + " controller is not delegated", Err: err,
			Hint: "let the user's systemd make the cgroup (--systemd-cgroup), have root delegate one (docs/rootless.md), or take the limit out",
		}
	}
	c.debug("create " + c.o.ID + ": no cgroup of its own, and so no limits: " + err.Error())
	c.cgroup.Close()
	c.cgroup = nil
	return nil
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
