package libcontainer

import (
	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/resctrl"
	"github.com/tare-run/tare/libcontainer/state"
)

// planResctrl finds the container's place in the resctrl file system, without making it.
func (c *creation) planResctrl() error {
	if c.spec.Linux == nil || c.spec.Linux.IntelRdt == nil {
		return nil // "the runtime MUST NOT manipulate any resctrl pseudo-filesystems"
	}
	root, err := resctrl.Find()
	if err != nil {
		return err
	}
	c.resctrl, err = resctrl.Plan(root, c.o.ID, c.spec.Linux.IntelRdt)
	return err
}

// joinResctrl puts init into its groups. Hooks and whatever else init starts follow it.
func (c *creation) joinResctrl() (err error) {
	if c.resctrl != nil {
		c.madeResctrl, err = c.resctrl.Apply(c.spec.Linux.IntelRdt, c.init.Pid)
	}
	return err
}

func (c *creation) undoResctrl() {
	if c.madeResctrl == nil {
		return
	}
	if err := c.madeResctrl.Undo(); err != nil {
		c.warn("create " + c.o.ID + ": " + err.Error())
	}
}

func recordResctrl(g *resctrl.Group) *state.Resctrl {
	if g == nil {
		return nil
	}
	r := state.Resctrl(*g)
	return &r
}

// recordedResctrl is the way back; nil where the container is in no group of its own choice.
func recordedResctrl(record *state.Record) *resctrl.Group {
	if record.Resctrl == nil {
		return nil
	}
	g := resctrl.Group(*record.Resctrl)
	return &g
}

// setResctrlSchemas changes the share of cache and memory bandwidth of a container that was created with one; either
// schema may be empty. undo puts back what there was.
func setResctrlSchemas(record *state.Record, l3Cache, memoryBandwidth string) (undo func() error, err error) {
	undo = func() error { return nil }
	if l3Cache == "" && memoryBandwidth == "" {
		return undo, nil
	}
	g := recordedResctrl(record)
	if g == nil {
		return undo, &fault.Error{
			Pointer: "/linux/intelRdt", Err: fault.Text("the container was created without"),
			Hint: "only what create has put into a class of service can be given another share",
		}
	}
	oldL3Cache, oldMemoryBandwidth, err := g.Schemas(l3Cache, memoryBandwidth)
	if err != nil {
		return undo, err
	}
	if err := g.SetSchemas(l3Cache, memoryBandwidth); err != nil {
		return undo, err
	}
	return func() error { return g.SetSchemas(oldL3Cache, oldMemoryBandwidth) }, nil
}

// removeResctrl removes what the container owns there.
func removeResctrl(record *state.Record) error {
	if g := recordedResctrl(record); g != nil {
		return g.Remove()
	}
	return nil
}
