package plan

import (
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// defaultDevices are the nodes that MUST be there (config-linux.md, "Default Devices").
func defaultDevices() []step.Device {
	node := func(path string, major, minor uint32) step.Device {
		return step.Device{Path: path, Type: 'c', Major: major, Minor: minor, Mode: 0o666, Default: true}
	}
	return []step.Device{
		node("/dev/null", 1, 3), node("/dev/zero", 1, 5), node("/dev/full", 1, 7),
		node("/dev/random", 1, 8), node("/dev/urandom", 1, 9), node("/dev/tty", 5, 0),
	}
}

// devices plans the nodes of linux.devices and the default ones they do not replace. Without a mount namespace nothing is
// made: the rootfs is then the host's to prepare.
func (c *compiler) devices() error {
	if !c.ns.has(unix.CLONE_NEWNS) {
		if len(c.linux().Devices) > 0 {
			return c.noMountNamespace("/linux/devices", "a device node")
		}
		return nil
	}
	own := c.bindsDev()
	listed := make([]string, 0, 8)
	var nodes []step.Entry
	for i := range c.linux().Devices {
		d, err := c.device(&c.linux().Devices[i])
		if err != nil {
			return fault.At(fault.Ptr("linux", "devices", i), err)
		}
		if d.Path == "/dev/ptmx" && !own {
			continue // engines list it for privileged containers, and DevLinks makes what has to be there
		}
		listed = append(listed, d.Path)
		nodes = append(nodes, step.Entry{Pointer: fault.Ptr("linux", "devices", i), Step: d})
	}
	if !own {
		for _, d := range defaultDevices() {
			if !contains(listed, d.Path) {
				c.add("", &d)
			}
		}
	}
	c.plan.Init = append(c.plan.Init, nodes...)
	if !own {
		c.add("", &step.DevLinks{})
	}
	return nil
}

func (c *compiler) device(d *specs.LinuxDevice) (*step.Device, error) {
	s := &step.Device{Path: filepath.Clean(d.Path), Mode: 0o666}
	switch d.Type {
	case "c", "u":
		s.Type = 'c'
	case "b", "p":
		s.Type = d.Type[0]
	default:
		return nil, &fault.Error{Op: "device", Path: d.Path, Err: fault.Text("type " + d.Type + " is unknown"), Hint: "use c, b, u or p"}
	}
	if s.Type != 'p' {
		s.Major, s.Minor = uint32(d.Major), uint32(d.Minor)
	}
	if d.FileMode != nil {
		s.Mode = uint32(*d.FileMode) & 0o7777 // engines write the type bits as well
	}
	if d.UID != nil {
		s.UID = *d.UID
	}
	if d.GID != nil {
		s.GID = *d.GID
	}
	return s, nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// console plans the terminal.
func (c *compiler) console() error {
	p := c.spec.Process
	if p == nil || !p.Terminal {
		return nil
	}
	s := &step.Console{}
	if size := p.ConsoleSize; size != nil {
		if size.Height > 0xffff || size.Width > 0xffff {
			return &fault.Error{Pointer: "/process/consoleSize", Err: fault.Text("is larger than a terminal can be"), Hint: "at most 65535"}
		}
		s.Width, s.Height = uint16(size.Width), uint16(size.Height)
	}
	c.add("/process/terminal", s)
	return nil
}
