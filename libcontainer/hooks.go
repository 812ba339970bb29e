package libcontainer

import (
	"strings"

	"github.com/go-json-experiment/json"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/hooks"
)

// hookState is the container state that hooks read on their standard input.
func (c *creation) hookState(status specs.ContainerState, pid int) *specs.State {
	return &specs.State{
		Version: c.spec.Version, ID: c.o.ID, Status: status, Pid: pid,
		Bundle: c.bundle, Annotations: c.spec.Annotations,
	}
}

// statePrefix is the state for a hook that init runs, without the pid, which init knows as the container sees it.
func (c *creation) statePrefix(kind string) []byte {
	status := specs.StateCreating
	if kind == "startContainer" {
		status = specs.StateCreated
	}
	b := encodeState(c.hookState(status, 0))
	return append(b[:len(b)-1], `,"pid":`...) // a pid of 0 is left out, so none is given twice
}

func encodeState(s *specs.State) []byte {
	b, err := json.Marshal(s, json.OmitZeroStructFields(true))
	if err != nil {
		panic("libcontainer: a container state cannot fail to encode: " + err.Error())
	}
	return b
}

// runtimeHooks runs prestart and createRuntime, in the runtime's namespaces, while init waits with its mounts made.
func (c *creation) runtimeHooks() error {
	c.hooksRan = true
	s := encodeState(c.hookState(specs.StateCreating, c.init.Pid))
	//nolint:staticcheck // prestart is deprecated, and MUST still be called
	if err := runHooks("prestart", c.spec.Hooks.Prestart, s); err != nil {
		return err
	}
	return runHooks("createRuntime", c.spec.Hooks.CreateRuntime, s)
}

// runHooks runs hooks in listed order; the first failure ends it.
func runHooks(kind string, list []specs.Hook, state []byte) error {
	for i := range list {
		if err := runHook(kind, i, &list[i], state); err != nil {
			return err
		}
	}
	return nil
}

func runHook(kind string, i int, h *specs.Hook, state []byte) error {
	timeout := 0
	if h.Timeout != nil {
		timeout = *h.Timeout
	}
	err := hooks.Run(&hooks.Hook{Kind: kind, Path: h.Path, Args: h.Args, Env: h.Env, TimeoutSeconds: timeout}, state)
	return fault.At(fault.Ptr("hooks", kind, i), err)
}

// poststop runs the poststop hooks. A failure is a warning and the remaining ones still run (runtime.md, "Lifecycle").
func (r *Runtime) poststop(h *specs.Hooks, s *specs.State) {
	if h == nil || len(h.Poststop) == 0 {
		return
	}
	state := encodeState(s)
	for i := range h.Poststop {
		if err := runHook("poststop", i, &h.Poststop[i], state); err != nil {
			r.warn(strings.TrimSpace("delete " + s.ID + ": " + err.Error()))
		}
	}
}

// startSeconds is how long the startContainer hooks may take; −1 without bound.
func startSeconds(h *specs.Hooks) int {
	if h == nil {
		return 0
	}
	sum := 0
	for i := range h.StartContainer {
		if h.StartContainer[i].Timeout == nil {
			return -1
		}
		sum += *h.StartContainer[i].Timeout
	}
	return sum
}
