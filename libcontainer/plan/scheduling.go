package plan

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/step"
)

// scheduling plans the scheduling policy and the I/O priority, while init has CAP_SYS_NICE. Package spec has refused words
// that are none.
func (c *compiler) scheduling(p *specs.Process) {
	if s := p.Scheduler; s != nil {
		planned := &step.Scheduler{
			Nice: s.Nice, Priority: uint32(s.Priority), Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
		}
		planned.Policy, _ = process.SchedulingPolicy(string(s.Policy))
		for _, name := range s.Flags {
			flag, _ := process.SchedulingFlag(string(name))
			planned.Flags |= flag
		}
		c.add("/process/scheduler", planned)
	}
	if p.IOPriority != nil {
		class, _ := process.IOClass(string(p.IOPriority.Class))
		c.add("/process/ioPriority", &step.IOPriority{Class: class, Priority: p.IOPriority.Priority})
	}
}
