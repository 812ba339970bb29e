package libcontainer

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/state"
)

// updateDevicesAnnotation, with the value "replace", says that the engine of a container means the device rules of an update.
const updateDevicesAnnotation = "run.tare.update-devices"

// deviceRules returns the rules after an update (JU8).
//
// The list of a file counts only where the caller says that he means it, by a flag or an annotation of the container.
// containerd sends all resources with each update, every ten seconds where the kubelet manages CPUs, and with them the list
// as it knows it: without the devices that a wrapper such as nvidia-container-runtime has added to config.json, and without
// those of an earlier update. Taking it at its word would take these devices away. runc ignores the list altogether.
func (r *Runtime) deviceRules(o *UpdateOptions, record *state.Record, before, given []specs.LinuxDeviceCgroup) ([]specs.LinuxDeviceCgroup, error) {
	rules := before
	meant := o.ReplaceDevices || record.Annotations[updateDevicesAnnotation] == "replace"
	switch {
	case o.ReplaceDevices && given == nil:
		return nil, &fault.Error{Op: "--replace-devices", Err: fault.Text("the resources have no list of devices"), Hint: `an empty list, "devices": [], leaves the default devices`}
	case given != nil && meant:
		rules = given
	case given != nil && !cgroups.SameDevices(before, given):
		r.warn("update " + record.ID + ": the device rules stay as they are, although the resources have others; --replace-devices replaces them")
	}
	for i := range o.DeviceRules {
		rule, err := o.DeviceRules[i].parse()
		if err != nil {
			return nil, err
		}
		rules = appendRule(rules, rule)
	}
	return rules, nil
}

// appendRule appends a rule, which decides before all others, and drops those that can decide nothing any more, so that a
// list does not grow with each update.
func appendRule(rules []specs.LinuxDeviceCgroup, rule specs.LinuxDeviceCgroup) []specs.LinuxDeviceCgroup {
	kept := slices.DeleteFunc(slices.Clone(rules), func(old specs.LinuxDeviceCgroup) bool {
		return covers(rule.Type, old.Type) && coversNumber(rule.Major, old.Major) && coversNumber(rule.Minor, old.Minor) &&
			strings.Trim(old.Access, rule.Access) == ""
	})
	return append(kept, rule)
}

func covers(kind, other string) bool { return kind == "" || kind == "a" || kind == other }

func coversNumber(n, other *int64) bool {
	return n == nil || *n == -1 || other != nil && *n == *other
}

// parse reads a rule as devices.allow of cgroup v1 spells it: "c 10:229 rwm", with "*" for any number, or "a". A path stands
// for the device there: "/dev/fuse rw". Without access, all kinds are meant.
func (f *DeviceRuleFlag) parse() (specs.LinuxDeviceCgroup, error) {
	rule := specs.LinuxDeviceCgroup{Allow: f.Allow, Access: "rwm"}
	refuse := func(err error, hint string) (specs.LinuxDeviceCgroup, error) {
		return rule, &fault.Error{Op: f.Flag, Path: f.Rule, Err: err, Hint: hint}
	}
	const form = `give "TYPE MAJOR:MINOR ACCESS", such as "c 10:229 rwm", or "PATH ACCESS"`
	fields := strings.Fields(f.Rule)
	if len(fields) > 0 && strings.HasPrefix(fields[0], "/") {
		kind, major, minor, err := deviceAt(fields[0])
		if err != nil {
			return refuse(err, form)
		}
		fields = append([]string{kind, major + ":" + minor}, fields[1:]...)
	}
	if len(fields) == 1 && fields[0] == "a" {
		rule.Type = "a"
		return rule, nil
	}
	if len(fields) < 2 || len(fields) > 3 || !slices.Contains([]string{"a", "b", "c"}, fields[0]) {
		return refuse(fault.Text("is not a device rule"), form)
	}
	rule.Type = fields[0]
	major, minor, _ := strings.Cut(fields[1], ":")
	var okMajor, okMinor bool
	rule.Major, okMajor = deviceNumber(major, 1<<12)
	rule.Minor, okMinor = deviceNumber(minor, 1<<20)
	if !okMajor || !okMinor {
		return refuse(fault.Text("has no device number"), form)
	}
	if len(fields) == 3 {
		rule.Access = fields[2]
	}
	if strings.Trim(rule.Access, "rwm") != "" {
		return refuse(fault.Text("has an access that is none"), "use a composition of r, w and m")
	}
	return rule, nil
}

// deviceNumber reads a number below a limit, or "*".
func deviceNumber(text string, limit int64) (*int64, bool) {
	if text == "*" {
		return nil, true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || int64(n) >= limit {
		return nil, false
	}
	return new(int64(n)), true
}

// deviceAt is the device of a node of the host.
func deviceAt(path string) (kind, major, minor string, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", "", "", err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		kind = "c"
	case unix.S_IFBLK:
		kind = "b"
	default:
		return "", "", "", fault.Text("is not a device")
	}
	return kind, strconv.Itoa(int(unix.Major(st.Rdev))), strconv.Itoa(int(unix.Minor(st.Rdev))), nil
}
