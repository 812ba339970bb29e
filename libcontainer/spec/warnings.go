package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// Warnings returns what the specification wants reported and not refused, in the order of the JSON pointers. It expects a
// configuration in which Validate found nothing.
//
// parse is capabilities.Parse, handed in because packages of this layer do not import each other.
func Warnings(s *specs.Spec, parse func(capability string) (number uint, ok bool)) []*fault.Error {
	c := &checker{linux: s.Linux}
	switch {
	case s.Process == nil:
	case s.Process.Capabilities != nil:
		c.capabilities(s.Process.Capabilities, parse)
	default: // no runtime drops any then but older ones, and nobody means it
		c.add("is missing, so none are dropped", "process", "capabilities").Hint = "list those that the program needs, or write {}"
	}
	for i, m := range s.Mounts {
		if m.Destination != "" && m.Destination[0] != '/' {
			e := c.add("is taken as relative to /", "mounts", i, "destination")
			e.Path, e.Hint = m.Destination, "relative destinations are deprecated"
		}
	}
	c.otherPlatform(s.FreeBSD != nil, "freebsd")
	c.otherPlatform(s.Solaris != nil, "solaris")
	c.otherPlatform(s.Windows != nil, "windows")
	c.otherPlatform(s.ZOS != nil, "zos")
	return c.sorted()
}

// otherPlatform reports a section that says nothing about Linux (config.md, "Platform-specific configuration").
func (c *checker) otherPlatform(present bool, section string) {
	if present {
		c.add("is for another platform and ignored", section)
	}
}

// capabilities reports names without a number, and members that the kernel cannot grant because another set lacks them
// (config.md, "Linux Process"; capabilities(7), "Thread capability sets").
func (c *checker) capabilities(sets *specs.LinuxCapabilities, parse func(string) (uint, bool)) {
	for _, set := range []struct {
		name   string
		list   []string
		within [][]string // the sets that must have a capability for this one to have it
	}{
		{"bounding", sets.Bounding, nil},
		{"effective", sets.Effective, [][]string{sets.Permitted}},
		{"inheritable", sets.Inheritable, nil},
		{"permitted", sets.Permitted, nil},
		{"ambient", sets.Ambient, [][]string{sets.Permitted, sets.Inheritable}},
	} {
		for i, name := range set.list {
			lacks := func(other []string) bool { return !slices.Contains(other, name) }
			if _, ok := parse(name); !ok {
				c.add("is not a capability", "process", "capabilities", set.name, i).Path = name
			} else if slices.ContainsFunc(set.within, lacks) {
				c.add("cannot be granted: another set lacks it", "process", "capabilities", set.name, i).Path = name
			}
		}
	}
}
