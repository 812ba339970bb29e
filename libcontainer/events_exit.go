package libcontainer

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/state"
)

// Exit is how the init process ended.
type Exit struct {
	Pid int `json:"pid"`
	// Status is what a shell would say: the exit status, or 128 and the signal. Nil where nobody could tell: before Linux
	// 6.15 the kernel forgets it when the parent reaps.
	Status *int  `json:"status,omitempty"`
	Signal int   `json:"signal,omitempty"`
	Cause  Cause `json:"cause"`
}

// Cause says in one word why a container ended.
type Cause string

// The causes of an end.
const (
	CauseExited  Cause = "exited"
	CauseSignal  Cause = "signal"
	CauseOOM     Cause = "oom" // SIGKILL, while the kernel counted a process of the container killed for its memory
	CauseUnknown Cause = "unknown"
)

// OOMKill is one process, or several that are not known, killed by the kernel for want of memory.
type OOMKill struct {
	Total   uint64 `json:"oom_kill"` // in the life of the cgroup
	Count   uint64 `json:"count"`
	Pid     int    `json:"pid,omitempty"` // with Count 1; 0 for unknown
	Command string `json:"command,omitempty"`
	Signal  int    `json:"signal,omitempty"`
}

// sendExit tells the last events. The counters are read once more: the kernel reports their changes up to 10 ms late, and
// the end of a process at once.
func (f *follower) sendExit() error {
	init := deathOf(f.record.Init, f.initFd)
	now := time.Now()
	if f.memory != nil {
		f.suspects.initDeath = &init
		kills := []*OOMKill{}
		if err := f.look(now); isGone(err) { // systemd removes a cgroup as soon as it is empty; what was read before still counts
			kills = f.suspects.judge(f.counted.OOMKill, f.record.Init, now)
		} else if err != nil {
			return err
		}
		for _, kill := range append(kills, f.suspects.remainder(f.counted.OOMKill)...) {
			if err := f.send(EventOOMKill, kill); err != nil {
				return err
			}
		}
		if f.told != f.counted {
			if err := f.sendMemory(now); err != nil {
				return err
			}
		}
	}
	return f.send(EventExit, exitOf(f.record.Init, init, f.suspects.initWasVictim))
}

func exitOf(init state.Process, d death, oom bool) *Exit {
	e := &Exit{Pid: init.Pid, Cause: CauseUnknown}
	switch {
	case !d.known:
	case d.status.Signaled():
		status := 128 + int(d.status.Signal())
		e.Status, e.Signal, e.Cause = &status, int(d.status.Signal()), CauseSignal
		if oom {
			e.Cause = CauseOOM
		}
	default:
		status := d.status.ExitStatus()
		e.Status, e.Cause = &status, CauseExited
	}
	return e
}

// suspects are the processes of the container as last seen. The kernel counts the processes that it kills for want of
// memory and does not name them; those that end by SIGKILL right when the counter grows are they.
type suspects struct {
	watched  map[int]suspect
	expected uint64    // kills counted whose victim is not known yet
	deadline time.Time // when they are told without one; zero if none is expected
	killed   []OOMKill // ended by SIGKILL while init was ending too, so that init's end decides

	initDeath     *death // once init has ended
	initWasVictim bool
}

type suspect struct {
	process state.Process
	fd      int // pidfd
	command string
}

// rename takes the name that the process has now, if it is still there.
func (w *suspect) rename() {
	name := commandName(w.process.Pid)
	if stat, err := readStat(w.process.Pid); err == nil && stat.startTime == w.process.StartTime && name != "" {
		w.command = name
	}
}

// maxSuspects bounds the descriptors; the soft limit is 1024 as a rule.
const maxSuspects = 256

// victimWait is how long after the count a victim may take to die. It may hang in the kernel, or not be watched.
const victimWait = 2 * time.Second

// watch adds the processes that are new, and learns the names of those that have become another program since: one that was seen
// as an init of exec.
func (s *suspects) watch(pids []int, init int) {
	if s.watched == nil {
		s.watched = map[int]suspect{}
	}
	for _, pid := range pids {
		if w, known := s.watched[pid]; known {
			w.rename()
			s.watched[pid] = w
			continue
		}
		if pid == init || len(s.watched) >= maxSuspects {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended
		}
		stat, err := readStat(pid)
		if err != nil {
			unix.Close(fd)
			continue
		}
		s.watched[pid] = suspect{process: state.Process{Pid: pid, StartTime: stat.startTime}, fd: fd, command: commandName(pid)}
	}
}

func (s *suspects) close() {
	for _, w := range s.watched {
		unix.Close(w.fd)
	}
}

// addTo adds the descriptors that report an end.
func (s *suspects) addTo(poll []unix.PollFd) []unix.PollFd {
	for _, w := range s.watched {
		poll = append(poll, unix.PollFd{Fd: int32(w.fd), Events: unix.POLLIN})
	}
	return poll
}

// expect notes that the kernel has counted kills.
func (s *suspects) expect(kills uint64, now time.Time) {
	s.expected += kills
	s.deadline = now.Add(victimWait)
}

// judge takes those that have ended off the list and returns the victims among them.
func (s *suspects) judge(total uint64, init state.Process, now time.Time) (victims []*OOMKill) {
	if d := s.initDeath; d != nil && d.by(unix.SIGKILL) && s.expected > 0 {
		s.initWasVictim = true
		victims = s.victim(victims, OOMKill{Total: total, Count: 1, Pid: init.Pid, Signal: int(unix.SIGKILL)})
	}
	killed, unclear := s.ended()
	for _, kill := range killed {
		if s.initDeath == nil && isExiting(init) {
			s.killed = append(s.killed, kill) // the kernel kills all of a pid namespace when its init ends
			continue
		}
		kill.Total = total
		victims = s.victim(victims, kill)
	}
	if s.initDeath == nil && !isExiting(init) && uint64(len(unclear)) <= s.expected {
		for _, kill := range unclear {
			kill.Total = total
			victims = s.victim(victims, kill)
		}
	}
	if s.initDeath != nil || !isExiting(init) {
		for _, kill := range s.killed {
			kill.Total = total
			victims = s.victim(victims, kill)
		}
		s.killed = nil
	}
	if !s.deadline.IsZero() && !now.Before(s.deadline) {
		victims = append(victims, s.remainder(total)...)
	}
	return victims
}

// victim appends one if any is expected.
func (s *suspects) victim(to []*OOMKill, kill OOMKill) []*OOMKill {
	if s.expected == 0 {
		return to
	}
	s.expected--
	if s.expected == 0 {
		s.deadline = time.Time{}
	}
	return append(to, &kill)
}

// ended removes the processes that have ended and returns those that SIGKILL did that to, and those of which nobody can tell:
// before Linux 6.15 the kernel forgets it when their parent reaps them.
func (s *suspects) ended() (killed, unclear []OOMKill) {
	for pid, w := range s.watched {
		poll := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(poll, 0); err != nil || n == 0 {
			continue
		}
		w.rename() // it may not have been reaped yet
		kill := OOMKill{Count: 1, Pid: pid, Command: w.command, Signal: int(unix.SIGKILL)}
		switch d := deathOf(w.process, w.fd); {
		case !d.known:
			unclear = append(unclear, kill)
		case d.by(unix.SIGKILL):
			killed = append(killed, kill)
		}
		unix.Close(w.fd)
		delete(s.watched, pid)
	}
	return killed, unclear
}

// remainder tells of kills whose victims were not seen.
func (s *suspects) remainder(total uint64) []*OOMKill {
	left := s.expected
	s.expected, s.deadline = 0, time.Time{}
	if left == 0 {
		return nil
	}
	return []*OOMKill{{Total: total, Count: left}}
}

// isExiting says whether a process has begun to end: PF_EXITING of the kernel's sched.h, a zombie, or gone.
func isExiting(p state.Process) bool {
	const exiting = 0x4
	stat, err := readStat(p.Pid)
	return err != nil || stat.startTime != p.StartTime || stat.flags&exiting != 0
}

// commandName is the name of a process, up to 15 bytes of it.
func commandName(pid int) string {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}
