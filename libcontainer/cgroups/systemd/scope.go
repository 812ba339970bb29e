package systemd

import (
	"strconv"
	"strings"
)

// Options are what a container's unit is made of.
type Options struct {
	Place       *Place
	ID          string
	Root        string // runtime root
	Annotations map[string]string
	Settings    []Setting // what the container's control files will hold
}

// SmallTasks is a limit on tasks under which init might not start: the Go runtime wants a handful of threads.
const SmallTasks = 64

// NewUnit names the unit and lists its properties, but for the process, which does not exist yet.
func NewUnit(o *Options) (Unit, []Property, error) {
	u := Unit{Name: o.Place.Unit, Description: "tare container " + o.ID + " in " + escapeRoot(o.Root)}
	asked, err := fromAnnotations(o.Annotations)
	if err != nil {
		return u, nil, err
	}
	list := []Property{
		text("Description", u.Description),
		text("CollectMode", "inactive-or-failed"), // a scope whose process was killed does not stay in the way
		truth("DefaultDependencies", false),
		truth("CPUAccounting", true),
		truth("MemoryAccounting", true),
		truth("IOAccounting", true),
		truth("TasksAccounting", true),
		amount("TasksMax", infinity), // else systemd would limit what the configuration does not (DefaultTasksMax)
	}
	if o.Place.Slice != "" {
		list = append(list, text("Slice", o.Place.Slice), truth("Delegate", true))
	}
	for _, p := range Properties(o.Settings) {
		if n, ok := p.Value.V.(uint64); p.Name != "TasksMax" || !ok || n >= SmallTasks {
			list = replaceProperty(list, p)
		}
	}
	for _, p := range asked {
		list = replaceProperty(list, p)
	}
	return u, list, nil
}

// escapeRoot writes a path in letters that a unit file can hold, and that mean themselves there.
func escapeRoot(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c > ' ' && c < 0x7f && c != '%' && c != '\\' {
			b.WriteByte(c)
		} else {
			b.WriteString(`\x` + strconv.FormatUint(uint64(c)+0x100, 16)[1:])
		}
	}
	return b.String()
}

// WithProcess adds the first process. A slice cannot be given one.
func WithProcess(properties []Property, pid int) []Property {
	p := Property{Name: "PIDs"}
	p.Value.Signature, p.Value.V = "au", []any{uint32(pid)}
	return append(properties[:len(properties):len(properties)], p)
}

// IsSlice says whether a unit is a slice.
func (u Unit) IsSlice() bool {
	return len(u.Name) > len(sliceSuffix) && u.Name[len(u.Name)-len(sliceSuffix):] == sliceSuffix
}

// String is how errors and warnings call the unit.
func (u Unit) String() string { return strconv.Quote(u.Name) }
