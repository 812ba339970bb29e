package cgroups

import (
	"bytes"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// filterName is how our programs are told from those of others, systemd's for example, on the same cgroup.
const filterName = "tare_devices"

// pointerDevices is the configuration entry that the device filter comes from.
const pointerDevices = "/linux/resources/devices"

// SetDevices puts the device rules in force; package devicefilter says what they mean, also what an empty list means. It
// uses a BPF program on the unified hierarchy, or the controller "devices" of cgroup v1.
//
// Programs are kept in cacheDir (package helper). notCached is why one could not be; the rules are in force all the same.
//
// Preconditions: the cgroup exists.
func (m *Manager) SetDevices(rules []specs.LinuxDeviceCgroup, cacheDir string) (notCached, err error) {
	policy, err := devicefilter.FromSpec(rules)
	if err != nil {
		return nil, err
	}
	if h := m.unified(); h != nil {
		notCached, err = m.setFilter(h, policy, cacheDir)
		m.fresh = false
		return notCached, fault.At(pointerDevices, err)
	}
	return nil, m.setV1Devices(policy)
}

// UpdateDevices puts other rules in force while processes run, without a moment in which something is denied that both the
// old rules and the new ones allow (H18, H24). before are the rules that are in force. After an error they still are.
//
// Preconditions: the cgroup exists.
func (m *Manager) UpdateDevices(before, after []specs.LinuxDeviceCgroup, cacheDir string) (notCached, err error) {
	if m.unified() != nil {
		return m.SetDevices(after, cacheDir)
	}
	from, err := devicefilter.FromSpec(before)
	if err != nil {
		return nil, err
	}
	to, err := devicefilter.FromSpec(after)
	if err != nil {
		return nil, err
	}
	return nil, m.updateV1Devices(from, to)
}

// SameDevices says whether two lists of rules mean the same.
func SameDevices(a, b []specs.LinuxDeviceCgroup) bool {
	p, errA := devicefilter.FromSpec(a)
	q, errB := devicefilter.FromSpec(b)
	return errA == nil && errB == nil && bytes.Equal(p.Key(), q.Key())
}

// setFilter attaches the policy's program, and detaches what this program attached before. On a cgroup that was made
// just now there is nothing to look for.
func (m *Manager) setFilter(h *hierarchy, policy devicefilter.Policy, cacheDir string) (notCached, err error) {
	dirFd, err := h.open()
	if err != nil {
		return nil, err
	}
	var old []int
	if !m.fresh {
		if old, _, err = filters(dirFd); err != nil {
			return nil, &fault.Error{Op: "list device filters", Path: h.path, Err: err}
		}
		defer closeAll(old)
	}
	if policy.Unrestricted() {
		return nil, h.detach(old)
	}
	code, notCached, err := program(policy, cacheDir)
	if err != nil {
		return nil, err
	}
	return notCached, h.replace(old, code)
}

// replace attaches a program and detaches the old ones. The directory is open.
func (h *hierarchy) replace(old []int, code []byte) error {
	progFd, err := sys.BPFLoad(unix.BPF_PROG_TYPE_CGROUP_DEVICE, filterName, code)
	if err != nil {
		return explainBPF(&fault.Error{Op: "load device filter", Err: err}, "too many device rules for the kernel's verifier; use wildcards")
	}
	defer unix.Close(progFd) // the cgroup keeps the program
	if len(old) == 1 {
		err = sys.BPFAttach(h.dirFd, progFd, unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI|unix.BPF_F_REPLACE, old[0])
		old = nil
	} else {
		// All programs of a cgroup must agree to an access, so attaching the new one before the old ones go leaves no gap.
		err = sys.BPFAttach(h.dirFd, progFd, unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI, -1)
	}
	if err != nil {
		// The kernel counts before it replaces: in a full cgroup nothing can be replaced either.
		return explainBPF(&fault.Error{Op: "attach device filter to", Path: h.path, Err: err}, "the cgroup has 64 programs already; detach what others left there")
	}
	return h.detach(old)
}

// ForeignFilters returns the names of the device programs on the cgroup that are not ours. Their answers count in addition:
// what they deny, no rule of ours can allow.
func (m *Manager) ForeignFilters() ([]string, error) {
	h := m.unified()
	if h == nil {
		return nil, nil
	}
	dirFd, err := h.open()
	if err != nil {
		return nil, err
	}
	own, others, err := filters(dirFd)
	closeAll(own)
	return others, err
}

// filters returns descriptors of the programs of ours that are attached to a cgroup, and the names of those of others.
func filters(dirFd int) (progFds []int, others []string, err error) {
	ids, err := sys.BPFQuery(dirFd, unix.BPF_CGROUP_DEVICE)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		progFd, err := sys.BPFOpen(id)
		if err == unix.ENOENT {
			continue // detached since
		}
		if err != nil {
			closeAll(progFds)
			return nil, nil, err
		}
		name, err := sys.BPFName(progFd)
		if err == nil && name == filterName {
			progFds = append(progFds, progFd)
		} else {
			others = append(others, name)
			unix.Close(progFd)
		}
	}
	return progFds, others, nil
}

func (h *hierarchy) detach(progFds []int) error {
	for _, progFd := range progFds {
		err := sys.BPFDetach(h.dirFd, progFd, unix.BPF_CGROUP_DEVICE)
		if err != nil && err != unix.ENOENT {
			return &fault.Error{Op: "detach device filter from", Path: h.path, Err: err}
		}
	}
	return nil
}

// detachFilters removes our programs from a cgroup that stays.
func (h *hierarchy) detachFilters() error {
	dirFd, err := h.open()
	if err != nil {
		return err
	}
	old, _, err := filters(dirFd)
	if err != nil {
		return &fault.Error{Op: "list device filters", Path: h.path, Err: err}
	}
	defer closeAll(old)
	return h.detach(old)
}

// explainBPF adds a hint; tooMuch is what it means that something is too big. The verifier says EFAULT for too many jumps.
func explainBPF(e *fault.Error, tooMuch string) error {
	switch {
	case errors.Is(e.Err, unix.EPERM):
		e.Hint = "needs CAP_BPF and CAP_NET_ADMIN, and no exclusive program on a cgroup above"
	case errors.Is(e.Err, unix.ENOSYS), errors.Is(e.Err, unix.EINVAL):
		e.Hint = "needs a kernel with CONFIG_CGROUP_BPF"
	case errors.Is(e.Err, unix.E2BIG), errors.Is(e.Err, unix.EFAULT):
		e.Hint = tooMuch
	}
	return e
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
