package cgroups

import (
	"errors"
	"slices"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// journal remembers what control files held before they were written, so that a sequence of writes can be taken back.
type journal struct {
	entries []journalEntry
}

type journalEntry struct {
	h             *hierarchy
	file, written string
	before        string
	unreadable    bool // before is not known
}

// keepJournal has every write to the cgroup's own files noted; nil ends that.
func (m *Manager) keepJournal(j *journal) {
	for _, h := range m.hierarchies {
		h.journal = j
	}
}

// write is that of the directory, with a note in the journal if one is kept.
func (h *hierarchy) write(file, value string) error {
	j := h.journal
	if j == nil {
		return h.directory.write(file, value)
	}
	before, readErr := h.read(file)
	if err := h.directory.write(file, value); err != nil {
		return err
	}
	j.entries = append(j.entries, journalEntry{h: h, file: file, written: value, before: before, unreadable: readErr != nil})
	return nil
}

// undo writes back what there was, the last entry first. It goes on after an error, because less would be put back if it
// did not, and forgets everything.
func (j *journal) undo() error {
	var errs []error
	for _, e := range slices.Backward(j.entries) {
		value, known := restoring(e.file, e.written, e.before)
		if e.unreadable || !known {
			errs = append(errs, &fault.Error{Op: "restore", Path: e.h.path + "/" + e.file, Err: fault.Text("what it held cannot be read")})
			continue
		}
		err := e.h.directory.write(e.file, value)
		if err != nil && e.h.stuckCpuset(e.file, value, err) { // it now has by name what it had before
			err = e.h.directory.write(e.file, e.h.effectiveAbove(e.file))
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	j.entries = nil
	return errors.Join(errs...)
}

// restoring returns what to write to a file that held before, to take back the write of a value. A file with one value
// takes what it showed. One with a line for each device takes the line of the device that was written; where there was
// none, the words by which the controller forgets the device.
func restoring(file, written, before string) (value string, known bool) {
	fields := strings.Fields(written)
	if len(fields) == 0 {
		fields = []string{""}
	}
	switch {
	case file == "memory.oom_control": // v1: "oom_kill_disable 0" and counters; it takes the number alone
		return strings.CutPrefix(strings.SplitN(before, "\n", 2)[0], "oom_kill_disable ")
	case isWeight(file) && len(fields) == 1:
		fields = []string{"default"} // one number means the weight of all devices without their own
	case len(fields) == 1 || file == "cpu.max":
		if strings.Contains(before, "\n") {
			return "", false
		}
		return orNewline(before), true
	}
	for line := range strings.SplitSeq(before, "\n") {
		if key, _, _ := strings.Cut(line, " "); key == fields[0] {
			return line, true
		}
	}
	if fields[0] == "default" { // without devices of their own, BFQ and v1 show the bare number
		return before, !strings.Contains(before, "\n")
	}
	if rest, known := forgotten(file); known {
		return fields[0] + " " + rest, true
	}
	return "", false
}

func isWeight(file string) bool {
	return strings.HasPrefix(file, "io.") && strings.HasSuffix(file, "weight")
}

// forgotten is what follows a device to take its line out of a file.
func forgotten(file string) (words string, known bool) {
	switch {
	case file == "io.max":
		return "rbps=max wbps=max riops=max wiops=max", true
	case isWeight(file):
		return "default", true
	case strings.HasPrefix(file, "blkio."):
		return "0", true
	case file == "rdma.max":
		return "hca_handle=max hca_object=max", true
	case file == "misc.max":
		return "max", true
	}
	return "", false
}

func orNewline(value string) string {
	if value == "" {
		return "\n" // a write of no bytes would not reach the controller
	}
	return value
}
