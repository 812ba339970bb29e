package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// NetDevice is a network device of the host that the runtime moves into the container's network namespace.
type NetDevice struct {
	Name    string
	Inside  string // may end in "%d"
	Pointer string
}

// netDevices come in the order of their names, those last whose name inside the kernel chooses: it would take one that
// another was to have.
func (c *compiler) netDevices() error {
	for name, d := range c.linux().NetDevices {
		c.plan.NetDevices = append(c.plan.NetDevices, NetDevice{Name: name, Inside: cmp.Or(d.Name, name), Pointer: fault.Ptr("linux", "netDevices", name)})
	}
	slices.SortFunc(c.plan.NetDevices, func(a, b NetDevice) int {
		return cmp.Or(cmp.Compare(template(a.Inside), template(b.Inside)), strings.Compare(a.Name, b.Name))
	})
	return nil
}

// template is 1 for a name that the kernel completes.
func template(name string) int { return strings.Count(name, "%d") }
