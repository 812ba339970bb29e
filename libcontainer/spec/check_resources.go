package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// resources checks the rules and names; the values of the limits are converted, and judged, by package cgroups.
func (c *checker) resources() {
	r := c.linux.Resources
	if r == nil {
		return
	}
	for i, rule := range r.Devices {
		c.deviceRule(rule, i)
	}
	for name := range r.Unified {
		c.cgroupFile(name)
	}
}

func (c *checker) deviceRule(rule specs.LinuxDeviceCgroup, i int) {
	switch rule.Type {
	case "", "a", "c", "b":
	default:
		e := c.add("is not a type of device", "linux", "resources", "devices", i, "type")
		e.Path, e.Hint = rule.Type, "accepted are a, c and b"
	}
	// Engines write -1 as well as nothing for "all numbers".
	if rule.Major != nil && *rule.Major != -1 {
		c.deviceNumber(*rule.Major, maxMajor, "linux", "resources", "devices", i, "major")
	}
	if rule.Minor != nil && *rule.Minor != -1 {
		c.deviceNumber(*rule.Minor, maxMinor, "linux", "resources", "devices", i, "minor")
	}
	switch {
	case rule.Access == "": // such a rule would allow or deny nothing at all, which nobody means
		c.add("is empty", "linux", "resources", "devices", i, "access").Hint = "use a composition of r, w and m"
	case strings.Trim(rule.Access, "rwm") != "":
		e := c.add("is not an access", "linux", "resources", "devices", i, "access")
		e.Path, e.Hint = rule.Access, "use a composition of r, w and m"
	}
}

// cgroupFile checks a key of unified: it is the name of one file in the container's cgroup, so it must not lead elsewhere
// (a path with ".." could write any cgroup file of the host).
func (c *checker) cgroupFile(name string) {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		c.add("is not the name of a cgroup file", "linux", "resources", "unified", name)
	}
}
