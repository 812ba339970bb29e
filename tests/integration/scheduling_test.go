package integration

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// E23, E24: the program has the scheduling attributes, and keeps them although its user could not ask for them. (Realtime
// policies depend on the budget that a v1 cpu controller gives; package process tests them.)
func TestScheduler(t *testing.T) {
	b := newBundle(t, withUser(1000, 1000), withProcess(func(p *specs.Process) {
		p.Capabilities = &specs.LinuxCapabilities{}
		p.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: -5, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}}
	}))
	b.create()
	b.start()
	attr, err := unix.SchedGetAttr(b.pid, 0)
	must(t, err)
	if attr.Policy != unix.SCHED_BATCH || attr.Nice != -5 || attr.Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0 {
		t.Errorf("attributes %+v, want SCHED_BATCH with nice -5 and reset on fork", attr)
	}
}

// E23: what the policy has no use for, and what the kernel refuses, are errors with their place.
func TestSchedulerRefused(t *testing.T) {
	for _, row := range []struct {
		name string
		s    specs.Scheduler
		want []string
	}{
		{"nice of FIFO", specs.Scheduler{Policy: specs.SchedFIFO, Priority: 1, Nice: 3}, []string{"/process/scheduler/nice"}},
		{"priority of BATCH", specs.Scheduler{Policy: specs.SchedBatch, Priority: 1}, []string{"/process/scheduler/priority"}},
		{"runtime of OTHER", specs.Scheduler{Policy: specs.SchedOther, Runtime: 1}, []string{"/process/scheduler"}},
		{"unknown policy", specs.Scheduler{Policy: "SCHED_FAST"}, []string{"/process/scheduler/policy", "SCHED_FAST"}},
		{"what the kernel refuses", specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 2 << 20, Deadline: 1 << 20, Period: 3 << 20},
			[]string{"/process/scheduler", "SCHED_DEADLINE", "invalid argument"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withProcess(func(p *specs.Process) { p.Scheduler = &row.s }))
			b.try("create").fails(row.want...)
			b.nothingLeft()
		})
	}
}

// E25.
func TestIOPriority(t *testing.T) {
	b := newBundle(t, withProcess(func(p *specs.Process) {
		p.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE, Priority: 4}
	}))
	b.create()
	const whoProcess, idle = 1, 3
	got, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, whoProcess, uintptr(b.pid), 0)
	if errno != 0 || got != idle<<13|4 {
		t.Errorf("I/O priority %#x, %v, want class 3, priority 4", got, errno)
	}
	refused := newBundle(t, withProcess(func(p *specs.Process) {
		p.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 8}
	}))
	refused.try("create").fails("/process/ioPriority/priority")
	refused.nothingLeft()
}
