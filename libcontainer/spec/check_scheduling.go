package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// scheduler checks that the attributes belong to the policy: sched_setattr(2) ignores some of the others without a word.
func (c *checker) scheduler(s *specs.Scheduler) {
	if s == nil {
		return
	}
	var nice, priority, deadline bool // which attributes the policy has
	switch s.Policy {
	case specs.SchedOther, specs.SchedBatch:
		nice = true
	case specs.SchedFIFO, specs.SchedRR:
		priority = true
	case specs.SchedDeadline:
		deadline = true
	case specs.SchedISO, specs.SchedIdle:
	default:
		c.add("is not a scheduling policy", "process", "scheduler", "policy").Path = string(s.Policy)
		return
	}
	with := " with " + string(s.Policy)
	if s.Nice < -20 || s.Nice > 19 {
		c.add("must be from -20 to 19", "process", "scheduler", "nice")
	} else if s.Nice != 0 && !nice {
		c.add("has no meaning"+with, "process", "scheduler", "nice")
	}
	if s.Priority != 0 && !priority {
		c.add("has no meaning"+with, "process", "scheduler", "priority")
	} else if priority && (s.Priority < 1 || s.Priority > 99) {
		c.add("must be from 1 to 99"+with, "process", "scheduler", "priority")
	}
	if !deadline && (s.Runtime != 0 || s.Deadline != 0 || s.Period != 0) {
		c.add("runtime, deadline and period have no meaning"+with, "process", "scheduler")
	}
	for i, flag := range s.Flags {
		if !knownSchedulerFlag(flag) {
			c.add("is not a scheduler flag", "process", "scheduler", "flags", i).Path = string(flag)
		}
	}
}

func knownSchedulerFlag(flag specs.LinuxSchedulerFlag) bool {
	switch flag {
	case specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
		specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax:
		return true
	}
	return false
}

func (c *checker) ioPriority(p *specs.LinuxIOPriority) {
	if p == nil {
		return
	}
	switch p.Class {
	case specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE:
	default:
		c.add("is not an I/O scheduling class", "process", "ioPriority", "class").Path = string(p.Class)
	}
	if p.Priority < 0 || p.Priority > 7 {
		c.add("must be from 0 to 7", "process", "ioPriority", "priority")
	}
}

// cpuList checks a list like "0-3,7"; empty means that nothing is asked for.
func (c *checker) cpuList(cpus string, at ...any) {
	if _, ok := ParseCPUs(cpus); !ok {
		c.add("is not a list of CPUs", at...).Path = cpus
	}
}

// maxCPUs bounds the numbers of processors, to those that any Linux can have.
const maxCPUs = 8192

// ParseCPUs reads a list of processors, "0-3,7" (cpuset(7), "List format"). The empty list is empty.
func ParseCPUs(list string) (cpus []uint32, ok bool) {
	if list == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		low, err := strconv.ParseUint(first, 10, 16)
		high := low
		if err == nil && isRange {
			high, err = strconv.ParseUint(last, 10, 16)
		}
		if err != nil || low > high || high >= maxCPUs || len(cpus) > maxCPUs {
			return nil, false
		}
		for n := low; n <= high; n++ {
			cpus = append(cpus, uint32(n))
		}
	}
	return cpus, true
}
