package plan

import (
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// CompileMounts makes the plan that adds the mounts of a specification to a running container, all or none.
func CompileMounts(in *Input) (*Plan, error) {
	c := insideCompiler(in)
	for i := range in.Spec.Mounts {
		m := &in.Spec.Mounts[i]
		if err := refuseInside(fault.Ptr("mounts", i), m); err != nil {
			return nil, err
		}
		if err := c.mount(fault.Ptr("mounts", i), m, ""); err != nil {
			return nil, err
		}
	}
	c.add("", &step.Report{})
	return c.plan, nil
}

// refuseInside refuses what cannot be taken back if a later mount fails, and what only create knows enough for.
func refuseInside(pointer string, m *specs.Mount) error {
	e := &fault.Error{Pointer: pointer, Op: "mount", Path: m.Destination}
	bind := slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	switch {
	case filepath.Clean("/"+m.Destination) == "/":
		e.Pointer, e.Err = pointer+"/destination", fault.Text("the root of a running container stays")
	case m.Type == "cgroup" && !bind:
		e.Pointer, e.Err = pointer+"/type", fault.Text("a cgroup mount is made by create alone")
	case slices.Contains(m.Options, "remount"), slices.Contains(m.Options, "copy-symlink"):
		e.Pointer, e.Err = pointer+"/options", fault.Text("remount and copy-symlink are for create alone")
		e.Hint = "they could not be taken back if a later mount failed"
	default:
		return nil
	}
	return e
}

// CompileUnmounts makes the plan that takes away what is mounted at the destinations of a specification, all or none.
func CompileUnmounts(in *Input) (*Plan, error) {
	c := insideCompiler(in)
	for i := range in.Spec.Mounts {
		pointer := fault.Ptr("mounts", i, "destination")
		destination := filepath.Clean("/" + in.Spec.Mounts[i].Destination)
		if c.protects(destination) {
			return nil, &fault.Error{Pointer: pointer, Op: "unmount", Path: destination, Err: fault.Text("config.json masks it or makes it read-only"),
				Hint: "what protects the host stays"}
		}
		c.add(pointer, &step.Unmount{Destination: destination})
	}
	c.add("", &step.Report{})
	return c.plan, nil
}

func (c *compiler) protects(destination string) bool {
	l := c.linux()
	return slices.ContainsFunc(slices.Concat(l.MaskedPaths, l.ReadonlyPaths), func(path string) bool { return filepath.Clean("/"+path) == destination })
}

// insideCompiler knows the namespaces of the container, which exist already.
func insideCompiler(in *Input) *compiler {
	c := &compiler{in: in, spec: in.Spec, plan: &Plan{Init: make([]step.Entry, 0, 8)}}
	for _, n := range c.linux().Namespaces {
		c.ns.made |= namespaceKind(n.Type)
	}
	c.add("", &step.Inside{})
	return c
}
