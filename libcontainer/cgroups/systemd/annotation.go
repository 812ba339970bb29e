package systemd

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// AnnotationPrefix begins the annotations that set a property of the unit; runc and crun have them as well (J41).
const AnnotationPrefix = "org.systemd.property."

// fromAnnotations reads the properties that a configuration asks for, sorted by name.
func fromAnnotations(annotations map[string]string) ([]Property, error) {
	var list []Property
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, found := strings.CutPrefix(key, AnnotationPrefix)
		if !found {
			continue
		}
		p, err := fromAnnotation(name, annotations[key])
		pointer := fault.Ptr("annotations", key)
		if err != nil {
			return nil, fault.At(pointer, err)
		}
		p.Pointer = pointer
		list = append(list, p)
	}
	return list, nil
}

func fromAnnotation(name, value string) (Property, error) {
	refuse := func(err error, hint string) (Property, error) {
		return Property{}, &fault.Error{Op: "systemd property", Path: name, Err: err, Hint: hint}
	}
	if len(name) < 3 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return refuse(fault.Text("is not the name of a property"), "see org.freedesktop.systemd1(5)")
	}
	if why := reserved(name); why != "" {
		return refuse(fault.Text(why), "remove the annotation")
	}
	v, err := parseVariant(value)
	if err != nil {
		return refuse(fault.Text("value "+strconv.Quote(value)+": "+err.Error()), `write it as a GVariant: true, 'text', uint64 5, ['a', 'b']`)
	}
	if stem, found := strings.CutSuffix(name, "Sec"); found && !strings.HasSuffix(name, "USec") {
		if v, err = microseconds(v); err != nil {
			return refuse(err, "give a number of seconds")
		}
		name = stem + "USec"
	}
	return Property{Name: name, Value: v}, nil
}

// reserved says why a property is not for annotations, "" if it is.
func reserved(name string) string {
	switch name {
	case "PIDs", "PIDFDs", "Slice", "Delegate", "DelegateSubgroup", "ControlGroup":
		return "is what makes the unit the container's cgroup"
	case "Description":
		return "is how tare knows its own unit"
	case "DevicePolicy", "DeviceAllow", "BPFProgram":
		return "would be a second device filter; the rules are in /linux/resources/devices"
	}
	return ""
}

// microseconds converts a time in seconds, as unit files have it, into what the bus wants: TimeoutStopSec is there
// TimeoutStopUSec.
func microseconds(v bus.Value) (bus.Value, error) {
	seconds, ok := 0.0, true
	switch n := v.V.(type) {
	case byte:
		seconds = float64(n)
	case int16:
		seconds = float64(n)
	case uint16:
		seconds = float64(n)
	case int32:
		seconds = float64(n)
	case uint32:
		seconds = float64(n)
	case int64:
		seconds = float64(n)
	case uint64:
		seconds = float64(n)
	case float64:
		seconds = n
	default:
		ok = false
	}
	if !ok || seconds < 0 || seconds > 1e12 {
		return v, fault.Text("is not a time")
	}
	return bus.Value{Signature: "t", V: uint64(seconds * 1e6)}, nil
}
