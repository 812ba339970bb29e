package libcontainer

import (
	"github.com/tare-run/tare/libcontainer/netdevices"
)

// moveNetDevices moves devices of the host into the container's network namespace, which exists since clone3, or since the
// raw child joined it.
//
// If create fails they are moved back: from a namespace that ends virtual devices would vanish, and physical ones come back
// renamed. A create that is killed cannot do that, and what the kernel does then is what the specification has for the end of
// a container; the runtime "MUST NOT attempt to move the interface out of the namespace" there.
func (c *creation) moveNetDevices() error {
	if len(c.plan.NetDevices) == 0 {
		return nil
	}
	devices := make([]netdevices.Device, 0, len(c.plan.NetDevices))
	for _, d := range c.plan.NetDevices {
		devices = append(devices, netdevices.Device(d))
	}
	var err error
	c.netDevices, err = netdevices.Move(c.init.Pid, devices)
	return err
}

// fetchNetDevices undoes moveNetDevices.
func (c *creation) fetchNetDevices() {
	if c.netDevices == nil {
		return
	}
	if err := c.netDevices.Back(); err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
	}
	c.leaveNetDevices()
}

// leaveNetDevices lets go of the container's network namespace, so that it ends with the container.
func (c *creation) leaveNetDevices() {
	if c.netDevices != nil {
		c.netDevices.Close()
		c.netDevices = nil
	}
}
