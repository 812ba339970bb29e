package plan

import (
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/step"
)

// domain plans the execution domain.
func (c *compiler) domain() {
	if p := c.linux().Personality; p != nil {
		domain, _ := process.PersonalityDomain(string(p.Domain)) // package spec has refused other words
		c.add("/linux/personality", &step.Personality{Domain: domain})
	}
}

// memoryPolicy is for the thread of init that becomes the program, and for the pages it touches from here on.
func (c *compiler) memoryPolicy() {
	p := c.linux().MemoryPolicy
	if p == nil {
		return
	}
	planned := &step.MemoryPolicy{}
	planned.Mode, _ = process.MemoryPolicyMode(string(p.Mode))
	for _, name := range p.Flags {
		flag, _ := process.MemoryPolicyFlag(string(name))
		planned.Mode |= flag
	}
	planned.Nodes, _ = spec.ParseNodes(p.Nodes)
	c.add("/linux/memoryPolicy", planned)
}
