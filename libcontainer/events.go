package libcontainer

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/stats"
	"github.com/tare-run/tare/libcontainer/state"
)

// Event is something that happened to a container. Type and ID, and the data of stats and oom, are as runc prints them.
type Event struct {
	Type EventType `json:"type"`
	ID   string    `json:"id"`
	Data any       `json:"data,omitempty"`
}

// EventType says what Event.Data is.
type EventType string

// The types of events. runc has the first two.
const (
	EventStats   EventType = "stats"    // *Statistics, at each interval
	EventOOM     EventType = "oom"      // nothing; the container ran out of memory, and the kernel killed a process
	EventOOMKill EventType = "oom_kill" // *OOMKill; who that was
	EventMemory  EventType = "memory"   // *MemoryPressure; a memory limit or protection took effect
	EventExit    EventType = "exit"     // *Exit; the last event
)

// MemoryPressure tells which counters of memory.events have grown, and by how much since the last event.
type MemoryPressure struct {
	Grown stats.MemoryEvents `json:"grown"`
	Total stats.MemoryEvents `json:"event_count"`
}

// memoryQuiet is the least time between two memory events: a container at its limit causes a hundred in a second.
const memoryQuiet = time.Second

// Events calls emit for each event of a container that is created or running, until its init process has ended, or emit
// returns an error. The kernel reports every event but the statistics; between them this sleeps.
func (r *Runtime) Events(id string, interval time.Duration, emit func(*Event) error) error {
	f, err := r.follow(id)
	if err != nil {
		return verb("events", id, err)
	}
	defer f.close()
	f.interval, f.emit = interval, emit
	return verb("events", id, f.run())
}

// follower follows one container.
type follower struct {
	record *state.Record
	cgroup *cgroups.Manager
	initFd int // pidfd

	interval time.Duration
	emit     func(*Event) error

	memory     *cgroups.MemoryWatch // nil without memory controller
	counted    stats.MemoryEvents   // what has been looked at
	told       stats.MemoryEvents   // what has been told in memory events
	nextStats  time.Time
	nextMemory time.Time // no memory event before this
	suspects   suspects
}

// follow opens a container that has an init process and a cgroup. It takes no lock: it only looks.
func (r *Runtime) follow(id string) (*follower, error) {
	d, record, err := r.open(id)
	if err != nil {
		return nil, err
	}
	d.Close()
	m, err := recordedCgroup(record)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, &fault.Error{Err: fault.Text("the container has no cgroup, so nothing is counted"), Hint: "create it without --cgroup-manager=disabled"}
	}
	initFd, err := openInit(record)
	if err != nil {
		return nil, err
	}
	return &follower{record: record, cgroup: m, initFd: initFd}, nil
}

func (f *follower) close() {
	unix.Close(f.initFd)
	f.cgroup.Close()
	if f.memory != nil {
		f.memory.Close()
	}
	f.suspects.close()
}

func (f *follower) statistics() (*Statistics, error) { return readStatistics(f.cgroup, f.record) }

func (f *follower) send(kind EventType, data any) error {
	return f.emit(&Event{Type: kind, ID: f.record.ID, Data: data})
}

func (f *follower) run() (err error) {
	if f.memory, err = f.cgroup.WatchMemory(); err != nil {
		return err
	}
	if f.memory != nil {
		// What happened before is not an event.
		if f.counted, err = f.memory.Read(); err != nil {
			return err
		}
		f.told, f.nextMemory = f.counted, time.Now()
	}
	for {
		if ended, err := f.wait(); err != nil || ended {
			return f.finish(err)
		}
		if err := f.look(time.Now()); err != nil {
			return f.finish(err)
		}
	}
}

// wait does what is due at some time, then sleeps until the kernel reports something or the next thing is due. ended says
// that the init process has.
func (f *follower) wait() (ended bool, err error) {
	now := time.Now()
	if !now.Before(f.nextStats) {
		if err := f.sendStatistics(now); err != nil {
			return false, err
		}
	}
	poll := []unix.PollFd{{Fd: int32(f.initFd), Events: unix.POLLIN}}
	if f.memory != nil {
		poll = append(poll, f.memory.Poll())
	}
	poll = f.suspects.addTo(poll)
	if _, err := unix.Poll(poll, milliseconds(time.Until(f.due()))); err != nil && err != unix.EINTR {
		return false, &fault.Error{Op: "poll", Err: err}
	}
	return poll[0].Revents != 0, nil
}

// due is when something has to be done without the kernel reporting anything.
func (f *follower) due() time.Time {
	due := f.nextStats
	for _, other := range []time.Time{f.suspects.deadline, f.untold()} {
		if !other.IsZero() && other.Before(due) {
			due = other
		}
	}
	return due
}

// untold is when the next memory event is due; zero for never.
func (f *follower) untold() time.Time {
	if f.told == f.counted {
		return time.Time{}
	}
	return f.nextMemory
}

// milliseconds rounds up: a poll of zero milliseconds would spin.
func milliseconds(d time.Duration) int {
	const most = time.Hour
	return int((min(max(d, 0), most) + time.Millisecond - 1) / time.Millisecond)
}

func (f *follower) sendStatistics(now time.Time) error {
	f.nextStats = now.Add(f.interval)
	s, err := f.statistics()
	if err != nil {
		return err
	}
	if err := f.send(EventStats, s); err != nil {
		return err
	}
	return f.watchSuspects()
}

// watchSuspects looks who runs in the container now, so that the end of one can be told later.
func (f *follower) watchSuspects() error {
	if f.memory == nil {
		return nil
	}
	pids, err := f.cgroup.Procs()
	if err == nil {
		f.suspects.watch(pids, f.record.Init.Pid)
	}
	return err
}

// look reads the counters of memory, and tells what has changed since the last time.
func (f *follower) look(now time.Time) error {
	if f.memory == nil {
		return nil
	}
	counted, err := f.memory.Read()
	if err != nil {
		return err
	}
	if kills := counted.OOMKill - f.counted.OOMKill; kills > 0 {
		f.suspects.expect(kills, now)
	}
	changed, isOut := counted != f.counted, f.memory.IsOut(f.counted, counted)
	f.counted = counted
	if isOut {
		if err := f.send(EventOOM, nil); err != nil {
			return err
		}
	}
	for _, kill := range f.suspects.judge(counted.OOMKill, f.record.Init, now) {
		if err := f.send(EventOOMKill, kill); err != nil {
			return err
		}
	}
	if due := f.untold(); !due.IsZero() && !now.Before(due) {
		if err := f.sendMemory(now); err != nil {
			return err
		}
	}
	if changed {
		return f.watchSuspects()
	}
	return nil
}

func (f *follower) sendMemory(now time.Time) error {
	grown := difference(f.counted, f.told)
	f.told, f.nextMemory = f.counted, now.Add(memoryQuiet)
	if grown.Low == 0 && grown.High == 0 && grown.Max == 0 && grown.OOM == 0 {
		return nil // a kill alone has an event of its own
	}
	return f.send(EventMemory, &MemoryPressure{Grown: grown, Total: f.counted})
}

func difference(a, b stats.MemoryEvents) stats.MemoryEvents {
	return stats.MemoryEvents{
		Low: a.Low - b.Low, High: a.High - b.High, Max: a.Max - b.Max,
		OOM: a.OOM - b.OOM, OOMKill: a.OOMKill - b.OOMKill, OOMGroupKill: a.OOMGroupKill - b.OOMGroupKill,
	}
}

// finish tells the rest if the init process has ended. The cgroup may be gone then, in the middle of anything: errors about
// that are none.
func (f *follower) finish(err error) error {
	if err != nil && !isGone(err) {
		return err
	}
	if waiting := waitExit(f.initFd); waiting != nil {
		return errors.Join(err, waiting)
	}
	return f.sendExit()
}

// isGone says whether an error means that the cgroup has been removed: ENOENT for its path, ENODEV for its open files.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) }
