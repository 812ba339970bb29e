package libcontainer

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/step"
)

func (c *creation) adjust() error {
	if !c.plan.UserNamespace && !c.rootless() {
		return nil
	}
	return c.adjustInit(c.plan, c.init.Pid, "create "+c.o.ID)
}

func (x *execution) adjust() error {
	if x.plan.CloneFlags&unix.CLONE_NEWUSER == 0 && !x.rootless() {
		return nil
	}
	return x.adjustInit(x.plan, x.proc.Pid, "exec "+x.o.ID)
}

// adjustInit does for init what takes privileges on the host, which root of a user namespace does not have: a lower OOM score,
// and higher limits. Whoever has them not either leaves it to init, whose error says what is missing. A runtime that is in a
// user namespace itself, as below rootless Podman, has no more than init; in rootless mode it does without the score.
//
// The score is set here even where it is not lowered: /proc/PID of a process that is not dumpable belongs to root of the host.
func (r *Runtime) adjustInit(p *plan.Plan, pid int, verb string) error {
	kept := p.Init[:0:0]
	for _, e := range p.Init {
		switch s := e.Step.(type) {
		case *step.OOMScoreAdj:
			if err := r.adjustOOM(pid, s.Adj, verb); err != nil {
				return fault.At(e.Pointer, err)
			}
			continue
		case *step.Rlimits:
			for i := range s.Limits {
				raiseHard(pid, &s.Limits[i])
			}
		}
		kept = append(kept, e)
	}
	p.Init = kept
	return nil
}

// adjustOOM sets the score. In rootless mode one that may not be had is left as it is (E22): it decides who is killed first, and
// confines nothing.
func (r *Runtime) adjustOOM(pid, adj int, verb string) error {
	path := "/proc/" + strconv.Itoa(pid) + "/oom_score_adj"
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		_, err = unix.Write(fd, strconv.AppendInt(nil, int64(adj), 10))
	}
	switch {
	case err == nil:
		return nil
	case (err == unix.EACCES || err == unix.EPERM) && r.rootless():
		r.debug(verb + ": the OOM score " + strconv.Itoa(adj) + " needs CAP_SYS_RESOURCE on the host, not set")
		return nil
	}
	return &fault.Error{Op: "oomScoreAdj", Path: path, Err: err, Hint: process.LowOOMScoreHint}
}

// raiseHard raises a hard limit of init and leaves the soft one alone.
func raiseHard(pid int, l *step.Rlimit) {
	var now unix.Rlimit
	if unix.Prlimit(pid, l.Resource, nil, &now) == nil && l.Hard > now.Max {
		now.Max = l.Hard
		_ = unix.Prlimit(pid, l.Resource, &now, nil) // init tries again, and says what is missing
	}
}
