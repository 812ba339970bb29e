// Package netdevices moves network devices of the host into the network namespace of a container (config-linux.md,
// "Network Devices"), and back again if create fails.
//
// It speaks rtnetlink itself (rtnetlink(7)): it needs five requests, and the libraries for it bring whole families of
// them into every start of every verb. It knows neither config.json nor the order of create. What is in the namespace
// belongs to the owner of the namespace from then on, so nothing here is called when a container ends.
package netdevices

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Device is one device to move.
type Device struct {
	Name    string // on the host
	Inside  string // in the container; one that ends in "%d" is completed by the kernel
	Pointer string // the entry of config.json that asks for it
}

// Moved are the devices that are in the container's namespace. It holds that namespace, so that they can be fetched back
// although the container has gone.
type Moved struct {
	host, inside *side
	devices      []moved
}

// side is one of the two namespaces.
type side struct {
	nsFd int
	conn *conn
}

// moved is one device that is inside, as it was outside.
type moved struct {
	name      string
	isUp      bool
	index     int32 // inside
	addresses []address
}

// Move moves the devices into the network namespace of a process, renames them, gives them their permanent global
// addresses back, which the kernel drops on the way, and sets them up. All that can be checked is checked before the first
// one moves. The caller closes what is returned, also with an error, and may call Back first.
func Move(pid int, devices []Device) (*Moved, error) {
	m := &Moved{host: &side{nsFd: -1}, inside: &side{nsFd: -1}}
	if err := m.open(pid); err != nil {
		return m, err
	}
	links, err := m.check(devices)
	if err != nil {
		return m, err
	}
	addresses, err := m.host.conn.addresses()
	if err != nil {
		return m, err
	}
	for i, d := range devices {
		ofDevice := slices.DeleteFunc(slices.Clone(addresses), func(a address) bool { return a.index != links[i].index || !a.stays() })
		if err := m.move(&d, links[i], ofDevice); err != nil {
			return m, fault.At(d.Pointer, err)
		}
	}
	return m, nil
}

// open opens both namespaces, and a socket in each.
func (m *Moved) open(pid int) error {
	for _, s := range []struct {
		path string
		to   *side
	}{{"/proc/thread-self/ns/net", m.host}, {"/proc/" + strconv.Itoa(pid) + "/ns/net", m.inside}} {
		fd, err := unix.Open(s.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fault.Error{Op: "open", Path: s.path, Err: err}
		}
		s.to.nsFd = fd
	}
	var host, inside unix.Stat_t
	if err := unix.Fstat(m.host.nsFd, &host); err != nil {
		return &fault.Error{Op: "stat network namespace", Err: err}
	}
	if err := unix.Fstat(m.inside.nsFd, &inside); err != nil {
		return &fault.Error{Op: "stat network namespace", Err: err}
	}
	if host.Dev == inside.Dev && host.Ino == inside.Ino {
		return &fault.Error{
			Pointer: "/linux/netDevices", Err: fault.Text("the container has the network namespace of the runtime"),
			Hint: "give it one of its own, or leave the devices out",
		}
	}
	var err error
	if m.host.conn, err = dial(); err == nil {
		m.inside.conn, err = dialIn(m.inside.nsFd, m.host.nsFd)
	}
	return err
}

// check finds the devices, and refuses names that are taken inside.
func (m *Moved) check(devices []Device) ([]link, error) {
	outside, err := m.host.conn.links()
	if err != nil {
		return nil, err
	}
	inside, err := m.inside.conn.links()
	if err != nil {
		return nil, err
	}
	found := make([]link, len(devices))
	for i, d := range devices {
		at := slices.IndexFunc(outside, func(l link) bool { return l.name == d.Name })
		switch {
		case at < 0:
			return nil, &fault.Error{Pointer: d.Pointer, Op: "network device", Path: d.Name, Err: unix.ENODEV, Hint: `"ip link" lists those that the runtime sees`}
		case outside[at].flags&unix.IFF_LOOPBACK != 0:
			return nil, &fault.Error{Pointer: d.Pointer, Op: "network device", Path: d.Name, Err: fault.Text("is the loopback device, which cannot leave its namespace")}
		case slices.ContainsFunc(inside, func(l link) bool { return l.name == d.Inside }):
			return nil, &fault.Error{
				Pointer: d.Pointer, Op: "network device", Path: d.Inside, Err: fault.Text("a device of this name exists in the network namespace of the container"),
				Hint: `choose another name, or one that ends in "%d"`,
			}
		}
		found[i] = outside[at]
	}
	return found, nil
}

// move moves one device. Once it is inside it is remembered, whatever fails after that.
func (m *Moved) move(d *Device, l link, addresses []address) error {
	before, err := m.inside.conn.links()
	if err != nil {
		return err
	}
	moveErr := m.host.conn.move(l.index, m.inside.nsFd, d.Inside)
	after, err := m.inside.conn.links()
	if err != nil {
		return err
	}
	arrived := arrival(before, after, l.index)
	if arrived != nil {
		m.devices = append(m.devices, moved{name: l.name, isUp: l.flags&unix.IFF_UP != 0, index: arrived.index, addresses: addresses})
	}
	if moveErr != nil {
		return &fault.Error{Op: "move network device", Path: l.name, Err: moveErr, Hint: moveHint(moveErr)}
	}
	if arrived == nil {
		return &fault.Error{Op: "move network device", Path: l.name, Err: fault.Text("it is not in the network namespace of the container")}
	}
	return m.inside.conn.restore(arrived, l.name, addresses)
}

// moveHint explains what the kernel says to a device that is bound to its namespace, such as a bridge.
func moveHint(err error) string {
	if e, ok := err.(*kernelError); ok && e.Errno == unix.EINVAL {
		return "some kinds of devices cannot leave their namespace"
	}
	return ""
}

// arrival is the device that is new. Somebody else may have made one at the same time, if the namespace is not new: the
// kernel keeps the index where it is free.
func arrival(before, after []link, index int32) *link {
	var arrived *link
	for i, l := range after {
		if slices.ContainsFunc(before, func(b link) bool { return b.index == l.index }) {
			continue
		}
		if arrived == nil || l.index == index {
			arrived = &after[i]
		}
	}
	return arrived
}

// restore adds the addresses and sets the device up.
func (c *conn) restore(l *link, oldName string, addresses []address) error {
	for _, a := range addresses {
		if err := c.addAddress(l.index, &a, label(a.label, oldName, l.name)); err != nil {
			return &fault.Error{Op: "keep address " + a.String() + " of network device", Path: oldName, Err: err, Hint: addressHint(&a, err)}
		}
	}
	if err := c.setUp(l.index); err != nil {
		return &fault.Error{Op: "set up network device", Path: l.name, Err: err}
	}
	return nil
}

func addressHint(a *address, err error) string {
	if e, ok := err.(*kernelError); ok && e.Errno == unix.EACCES && a.family == unix.AF_INET6 {
		return "IPv6 is disabled for this device in the network namespace of the container"
	}
	return ""
}

// label is the name that an IPv4 address has of its own, "eth0:1"; it begins with the name of the device, hence changes
// with it. Empty for the name of the device itself, which is the kernel's default.
func label(old, oldName, newName string) string {
	rest, ok := strings.CutPrefix(old, oldName)
	if !ok || rest == "" || len(newName+rest) >= unix.IFNAMSIZ {
		return ""
	}
	return newName + rest
}

// Back moves the devices out again, for a create that failed: with the names, addresses and state that they had. The first
// error is returned, and the others are tried all the same.
func (m *Moved) Back() (first error) {
	for _, d := range slices.Backward(m.devices) {
		if err := m.back(&d); err != nil && first == nil {
			first = err
		}
	}
	m.devices = nil
	return first
}

func (m *Moved) back(d *moved) error {
	if err := m.inside.conn.move(d.index, m.host.nsFd, d.name); err != nil {
		return &fault.Error{Op: "move network device back", Path: d.name, Err: err}
	}
	links, err := m.host.conn.links()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(links, func(l link) bool { return l.name == d.name })
	if at < 0 {
		return &fault.Error{Op: "move network device back", Path: d.name, Err: unix.ENODEV}
	}
	if d.isUp {
		return m.host.conn.restore(&links[at], d.name, d.addresses)
	}
	for _, a := range d.addresses {
		if err := m.host.conn.addAddress(links[at].index, &a, a.label); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the namespaces.
func (m *Moved) Close() {
	for _, s := range []*side{m.host, m.inside} {
		if s.nsFd >= 0 {
			unix.Close(s.nsFd)
		}
		if s.conn != nil {
			s.conn.close()
		}
	}
}
