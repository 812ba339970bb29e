package libcontainer

import (
	"github.com/go-json-experiment/json"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/foreground"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/seccomp"
	"github.com/tare-run/tare/libcontainer/state"
)

// The seccomp agent is a program of the user's that answers system calls in the container's stead. It listens on a socket;
// the runtime gives it the listener of the filter.

// hasListener says whether a container's filter has a listener.
func hasListener(s *specs.Spec) bool {
	return s.Process != nil && s.Linux != nil && s.Linux.Seccomp != nil && seccomp.Notifies(s.Linux.Seccomp)
}

// checkAgent finds out early that there is no agent.
func checkAgent(s *specs.Spec) error {
	if !hasListener(s) {
		return nil
	}
	return fault.At("/linux/seccomp/listenerPath", checkSocket("seccomp agent", s.Linux.Seccomp.ListenerPath))
}

// listenerFor returns what gives a listener to the container's agent; nil where the filter has none.
func listenerFor(s *specs.Spec, container *specs.State) func(listenerFd int) error {
	return listenerOf(s, container, container.Pid)
}

// listenerOf is listenerFor a process of a container that need not be its first one.
func listenerOf(s *specs.Spec, container *specs.State, pid int) func(listenerFd int) error {
	if !hasListener(s) {
		return nil
	}
	profile := s.Linux.Seccomp
	return func(listenerFd int) error {
		processState := &specs.ContainerProcessState{
			Version: container.Version, Fds: []string{specs.SeccompFdName}, Pid: pid,
			Metadata: profile.ListenerMetadata, State: *container,
		}
		text, err := json.Marshal(processState)
		if err == nil {
			err = foreground.SendListener(profile.ListenerPath, listenerFd, text)
		}
		return fault.At("/linux/seccomp/listenerPath", err)
	}
}

// startListening prepares for the listener of a container that was created by another command. The caller closes the pidfd,
// −1 where there is no listener to wait for.
func startListening(d *state.Dir, record *state.Record) (*launch.Listening, error) {
	l := &launch.Listening{Pid: record.Init.Pid, Pidfd: -1}
	if !record.Listener {
		return l, nil
	}
	config, err := savedSpec(d)
	if err != nil {
		return nil, err
	}
	if l.Pidfd, err = openInit(record); err != nil {
		return nil, err
	}
	l.Send = listenerFor(config, recordState(record, specs.StateCreated, record.Init.Pid))
	return l, nil
}
