package spec

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxDeviceName is IFNAMSIZ without the zero byte.
const maxDeviceName = 15

// netDevices checks the names by the kernel's rules (dev_valid_name), and that no two devices get the same one.
func (c *checker) netDevices(devices map[string]specs.LinuxNetDevice) {
	if len(devices) == 0 {
		return
	}
	c.needs(specs.NetworkNamespace, "linux", "netDevices")
	takenBy := map[string]string{"lo": "the loopback device"}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if problem := deviceNameProblem(name, false); problem != "" {
			c.add(problem, "linux", "netDevices", name).Path = name
			continue
		}
		inside, at := name, []any{"linux", "netDevices", name}
		if given := devices[name].Name; given != "" {
			inside, at = given, append(at, "name")
		}
		switch problem := deviceNameProblem(inside, true); {
		case problem != "":
			c.add(problem, at...).Path = inside
		case name == "lo":
			c.add("is the loopback device, which cannot leave its namespace", "linux", "netDevices", name)
		case strings.HasSuffix(inside, "%d"): // any number of them, the kernel chooses
		case takenBy[inside] != "":
			c.add("is the name of "+takenBy[inside]+" already", at...).Path = inside
		default:
			takenBy[inside] = "/linux/netDevices/" + name
		}
	}
}

// deviceNameProblem says why a device cannot have a name; "" if it can.
func deviceNameProblem(name string, mayBeTemplate bool) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "is not the name of a network device"
	case len(name) > maxDeviceName:
		return "is longer than 15 bytes, the most that the name of a network device has"
	case strings.ContainsAny(name, "/:\x00") || strings.ContainsFunc(name, unicode.IsSpace):
		return "contains a slash, a colon or white space, which the name of a network device cannot"
	}
	if mayBeTemplate {
		name = strings.TrimSuffix(name, "%d")
	}
	if strings.Contains(name, "%") {
		return `contains a percent sign elsewhere than in a "%d" at the end of a name inside`
	}
	return ""
}
