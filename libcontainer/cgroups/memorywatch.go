package cgroups

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/stats"
)

// MemoryWatch is told by the kernel when the memory controller has something to say: in cgroup v2 the counters of
// memory.events have changed, in v1 the cgroup has run out of memory (cgroup-v1/memory.rst, "OOM Control").
type MemoryWatch struct {
	hierarchy *hierarchy
	fileFd    int    // memory.events or memory.oom_control
	eventFd   int    // of v1; −1 in v2, where the file itself is polled
	outs      uint64 // of memory, as counted by the eventfd
}

// WatchMemory returns nil where no hierarchy has the memory controller for this cgroup.
func (m *Manager) WatchMemory() (*MemoryWatch, error) {
	if h := m.v1("memory"); h != nil {
		return h.watchMemoryV1()
	}
	h := m.unified()
	if h == nil {
		return nil, nil
	}
	fd, err := h.openFile("memory.events", unix.O_RDONLY)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, h.fileError("open", "memory.events", err)
	}
	return &MemoryWatch{hierarchy: h, fileFd: fd, eventFd: -1}, nil
}

func (h *hierarchy) watchMemoryV1() (*MemoryWatch, error) {
	fileFd, err := h.openFile("memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return nil, h.fileError("open", "memory.oom_control", err)
	}
	eventFd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(fileFd)
		return nil, &fault.Error{Op: "eventfd", Err: err}
	}
	w := &MemoryWatch{hierarchy: h, fileFd: fileFd, eventFd: eventFd}
	if err := h.write("cgroup.event_control", strconv.Itoa(eventFd)+" "+strconv.Itoa(fileFd)); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Poll is what to wait for. What it reports stays until Read.
func (w *MemoryWatch) Poll() unix.PollFd {
	if w.eventFd >= 0 {
		return unix.PollFd{Fd: int32(w.eventFd), Events: unix.POLLIN}
	}
	return unix.PollFd{Fd: int32(w.fileFd), Events: unix.POLLPRI}
}

// Read returns the counters as they are now. In cgroup v1, whose only counter is that of kills, OOM counts how often the
// watch was told that there was no memory left.
func (w *MemoryWatch) Read() (stats.MemoryEvents, error) {
	name := "memory.events"
	if w.eventFd >= 0 {
		name = "memory.oom_control"
		var told [8]byte
		if n, err := unix.Read(w.eventFd, told[:]); err == nil && n == len(told) {
			w.outs += binary.NativeEndian.Uint64(told[:])
		}
	}
	text, err := readSmall(w.fileFd)
	if err != nil {
		return stats.MemoryEvents{}, w.hierarchy.fileError("read", name, err)
	}
	events, ok := stats.ParseMemoryEvents(text)
	if !ok {
		return events, &fault.Error{Op: "read", Path: w.hierarchy.path + "/" + name, Err: fault.Text("not understood: " + strconv.Quote(text))}
	}
	if w.eventFd >= 0 {
		events.OOM = w.outs
	}
	return events, nil
}

// IsOut says whether the cgroup ran out of memory between two readings: a process was killed for it, or in cgroup v1 the
// watch was told so. There the kills of cgroups below are not counted.
func (w *MemoryWatch) IsOut(before, now stats.MemoryEvents) bool {
	if w.eventFd >= 0 {
		return now.OOM > before.OOM
	}
	return now.OOMKill > before.OOMKill
}

// Close ends the watch.
func (w *MemoryWatch) Close() {
	unix.Close(w.fileFd)
	if w.eventFd >= 0 {
		unix.Close(w.eventFd)
	}
}
