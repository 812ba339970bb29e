package cgroups

import (
	"maps"
	"slices"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// setUnified writes the entries of /linux/resources/unified, sorted so that the outcome does not depend on chance. Files
// that this program does not know are written too: that is what the map is for (J36).
func (m *Manager) setUnified(entries map[string]string) error {
	for _, key := range sortedKeys(entries) {
		if err := m.setUnifiedEntry(key, entries[key]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) setUnifiedEntry(key, value string) error {
	pointer := limit.Ptr("unified", key)
	controller, _, dotted := strings.Cut(key, ".")
	if !isComponent(key) || !dotted {
		return &fault.Error{
			Op: "cgroup file", Pointer: pointer, Path: key, Err: fault.Text("is not the name of a control file"),
			Hint: `give the name alone, such as "memory.high"`,
		}
	}
	h := m.unified()
	if h == nil {
		return &fault.Error{
			Op: "cgroup file", Pointer: pointer, Path: key, Err: fault.ErrNotSupported, Hint: "this host has no unified hierarchy",
		}
	}
	if value == "" {
		value = "\n" // a write of no bytes would not reach the controller; this one empties lists such as cpuset.cpus
	}
	// The kernel parses one line of a file with several, such as io.max, in each write.
	for line := range strings.Lines(value) {
		w := limit.Write{File: key, Value: line, Pointer: pointer}
		if controller == "cgroup" {
			if err := h.write(w.File, w.Value); err != nil {
				return fault.At(pointer, err)
			}
			continue
		}
		if err := m.apply(h, controller, w); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(entries map[string]string) []string { return slices.Sorted(maps.Keys(entries)) }
