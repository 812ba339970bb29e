package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// preparationHooks run when the mounts are there and the root has not been entered yet (config.md, "POSIX-platform Hooks").
func (c *compiler) preparationHooks() error {
	h := c.spec.Hooks
	if h == nil {
		return nil
	}
	//nolint:staticcheck // prestart is deprecated, and MUST still be called
	if len(h.Prestart)+len(h.CreateRuntime) > 0 {
		c.add("/hooks", &step.RuntimeHooks{})
	}
	c.hooks("createContainer", h.CreateContainer)
	return nil
}

func (c *compiler) hooks(kind string, hooks []specs.Hook) {
	for i := range hooks {
		h := &hooks[i]
		s := &step.Hook{Kind: kind, Path: h.Path, Args: h.Args, Env: h.Env}
		if h.Timeout != nil {
			s.TimeoutSeconds = *h.Timeout
			c.plan.HookSeconds += *h.Timeout
		} else if kind != "startContainer" {
			c.plan.UnboundedHook = true
		}
		c.add(fault.Ptr("hooks", kind, i), s)
	}
}

// startHooks returns the hooks that init runs between start and the program.
func (c *compiler) startHooks() []specs.Hook {
	if c.spec.Hooks == nil {
		return nil
	}
	return c.spec.Hooks.StartContainer
}
