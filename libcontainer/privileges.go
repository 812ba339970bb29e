package libcontainer

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/step"
)

// What root of a user namespace may not do, the runtime does for init: a lower OOM score, and higher limits, take privileges on
// the host.

func (c *creation) actsForInit() bool { return c.plan.UserNamespace || c.rootless() }

func (x *execution) actsForInit() bool {
	return x.plan.CloneFlags&unix.CLONE_NEWUSER != 0 || x.rootless()
}

func (c *creation) adjust() error {
	if c.actsForInit() {
		raiseLimits(c.plan, c.init.Pid)
	}
	return nil
}

func (x *execution) adjust() error {
	if x.actsForInit() {
		raiseLimits(x.plan, x.proc.Pid)
	}
	return nil
}

func (c *creation) clone() error {
	if !c.actsForInit() {
		return c.startInit()
	}
	return c.withScore(c.plan, "create "+c.o.ID, c.startInit)
}

func (x *execution) clone() error {
	if !x.actsForInit() {
		return x.startInit()
	}
	return x.withScore(x.plan, "exec "+x.o.ID, x.startInit)
}

// withScore takes the OOM score of a plan out of it and has start clone an init that inherits it from us. Init's own file
// belongs to root of the host once init is not dumpable, so that neither init nor a user may write to it.
//
// In rootless mode a score that may not be had is left as it is (E22): it decides who is killed first, and confines nothing.
func (r *Runtime) withScore(p *plan.Plan, verb string, start func() error) error {
	at := slices.IndexFunc(p.Init, func(e step.Entry) bool { _, ok := e.Step.(*step.OOMScoreAdj); return ok })
	if at < 0 {
		return start()
	}
	entry := p.Init[at]
	adj := strconv.Itoa(entry.Step.(*step.OOMScoreAdj).Adj)
	restore, err := setScore(adj)
	switch {
	case err == nil:
		defer restore()
	case (err == unix.EACCES || err == unix.EPERM) && r.rootless():
		r.debug(verb + ": the OOM score " + adj + " needs CAP_SYS_RESOURCE on the host, not set")
	default:
		return &fault.Error{Op: "oom_score_adj", Pointer: entry.Pointer, Path: adj, Err: err, Hint: process.LowOOMScoreHint}
	}
	p.Init = slices.Delete(slices.Clone(p.Init), at, at+1)
	return start()
}

// setScore changes our own score. The descriptor outlives our being dumpable; the score from before may always be had again.
func setScore(adj string) (restore func(), err error) {
	fd, err := unix.Open("/proc/self/oom_score_adj", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var before [16]byte
	n, err := unix.Pread(fd, before[:], 0)
	if err == nil {
		_, err = unix.Pwrite(fd, []byte(adj), 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return func() {
		unix.Pwrite(fd, before[:n], 0)
		unix.Close(fd)
	}, nil
}

// raiseLimits raises hard limits of init and leaves the soft ones alone. Init tries again, and says what is missing.
func raiseLimits(p *plan.Plan, pid int) {
	for _, e := range p.Init {
		if s, ok := e.Step.(*step.Rlimits); ok {
			for i := range s.Limits {
				raiseHard(pid, &s.Limits[i])
			}
		}
	}
}

func raiseHard(pid int, l *step.Rlimit) {
	var now unix.Rlimit
	if unix.Prlimit(pid, l.Resource, nil, &now) == nil && l.Hard > now.Max {
		now.Max = l.Hard
		_ = unix.Prlimit(pid, l.Resource, &now, nil)
	}
}
