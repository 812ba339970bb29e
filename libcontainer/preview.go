package libcontainer

import (
	"slices"

	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/plan/describe"
	"github.com/tare-run/tare/libcontainer/step"
)

// PlannedStep is one step of a create, in words.
type PlannedStep struct {
	Init    bool   // init takes it; else the runtime does
	Name    string // as errors call it
	Pointer string // of the entry of config.json that asks for it; empty for a step that every container has
	Members describe.Members
}

// Plan returns the steps that a create with these options, and the start after it, would take, in order, and takes none of
// them. The plan is the one
// that create compiles; what differs is what others do to the host in between.
func (r *Runtime) Plan(o CreateOptions) ([]PlannedStep, error) {
	// Whoever asks has no terminal to give, and needs none: that is checked when create gets one.
	c := &creation{Runtime: r, o: &o, by: foregroundRun, gateFd: -1, masterFd: -1, image: launch.Image{Fd: -1}}
	defer c.close()
	for _, prepare := range []func(*creation) error{(*creation).load, (*creation).compile} {
		if err := prepare(c); err != nil {
			return nil, verb("plan", o.ID, err)
		}
	}
	var steps []PlannedStep
	created := slices.IndexFunc(c.plan.Init, func(e step.Entry) bool { _, ok := e.Step.(*step.WaitStart); return ok })
	for i := range createSteps {
		name := createSteps[i].name
		steps = append(steps, PlannedStep{Name: name, Members: c.previewRuntimeStep(name)})
		if name == "await created" {
			steps = appendInitSteps(steps, c.plan.Init[:created+1])
		}
	}
	return appendInitSteps(steps, c.plan.Init[created+1:]), nil
}

func appendInitSteps(steps []PlannedStep, entries []step.Entry) []PlannedStep {
	for _, e := range entries {
		steps = append(steps, PlannedStep{Init: true, Name: e.Step.StepName(), Pointer: e.Pointer, Members: describe.Step(e.Step)})
	}
	return steps
}

// previewRuntimeStep says what is known beforehand of a step on the runtime side.
func (c *creation) previewRuntimeStep(name string) describe.Members {
	switch name {
	case "record intent":
		return describe.Members{{Name: "directory", Value: c.Root + "/" + c.o.ID}}
	case "cgroup":
		if c.cgroup != nil {
			m := describe.Members{{Name: "path", Value: c.cgroup.Path()}}
			if unit := c.cgroup.Unit(); unit != "" {
				m = append(m, describe.Member{Name: "unit", Value: unit})
			}
			return m
		}
	case "clone":
		m := describe.Members{{Name: "new", Value: describe.Namespaces(c.plan.CloneFlags)}}
		for _, n := range c.plan.Join {
			m = append(m, describe.Member{Name: "join", Value: n.Path})
		}
		return m
	case "send plan":
		return describe.Members{{Name: "steps", Value: int64(len(c.plan.Init))}}
	}
	return nil
}
