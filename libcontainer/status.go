package libcontainer

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/passwd"
	"github.com/tare-run/tare/libcontainer/overlay"
	"github.com/tare-run/tare/libcontainer/state"
)

// processStat is what we read of /proc/PID/stat.
type processStat struct {
	state     byte
	parent    int
	flags     uint64 // PF_ of the kernel's sched.h
	threads   int
	startTime uint64 // clock ticks after boot
	exitCode  int    // as wait(2) gives it; of a zombie only
}

// readStat reads /proc/PID/stat. The second field is a name in brackets that may contain anything, brackets too, so
// counting starts after the last one (proc_pid_stat(5)).
func readStat(pid int) (processStat, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return processStat{}, err
	}
	defer unix.Close(fd)
	var buf [1024]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return processStat{}, err
	}
	return parseStat(buf[:n])
}

var errStat = errors.New("malformed stat line")

func parseStat(line []byte) (processStat, error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return processStat{}, errStat
	}
	fields := bytes.Fields(line[end+1:]) // from field 3 on
	if len(fields) < 20 || len(fields[0]) != 1 {
		return processStat{}, errStat
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64) // field 22
	if err != nil {
		return processStat{}, errStat
	}
	stat := processStat{state: fields[0][0], startTime: start}
	stat.parent, _ = strconv.Atoi(string(fields[1]))
	stat.threads, _ = strconv.Atoi(string(fields[17])) // field 20
	stat.flags, _ = strconv.ParseUint(string(fields[6]), 10, 64)
	if len(fields) > 49 {
		stat.exitCode, _ = strconv.Atoi(string(fields[49])) // field 52
	}
	return stat, nil
}

// alive says whether a recorded process still is that process, and not a zombie.
func alive(p state.Process) bool {
	if p.Pid <= 0 {
		return false
	}
	stat, err := readStat(p.Pid)
	return err == nil && stat.startTime == p.StartTime && !stat.ended()
}

// ended says whether a process is no more than a status for its parent. The state in the file is that of the first thread, and a
// program may end that alone and go on with others: a container would be called stopped and could not be killed.
func (s *processStat) ended() bool { return (s.state == 'Z' || s.state == 'X') && s.threads <= 1 }

// statusOf asks the kernel; the record alone is never believed. "Created" is whatever still executes the sealed image, so
// a start that was killed at any instruction leaves nothing that lies.
func statusOf(d *state.Dir, r *state.Record) Status {
	if r.Creating {
		if d.Busy() {
			return StatusCreating
		}
		return StatusStopped // create was killed; what it left is delete's to remove
	}
	if !alive(r.Init) {
		return StatusStopped
	}
	if frozen(r) {
		return StatusPaused
	}
	var st unix.Stat_t
	err := unix.Stat("/proc/"+strconv.Itoa(r.Init.Pid)+"/exe", &st)
	if err == nil && st.Dev == r.Image[0] && st.Ino == r.Image[1] {
		return StatusCreated
	}
	return StatusRunning
}

// frozen says whether the container's cgroup is frozen. What cannot be asked is not: state is no place for that error.
func frozen(r *state.Record) bool {
	m, err := recordedCgroup(r)
	if err != nil || m == nil {
		return false
	}
	frozen, err := m.Frozen()
	return err == nil && frozen
}

// State returns the state of a container.
func (r *Runtime) State(id string) (*State, error) {
	s, err := r.state(id)
	if err != nil {
		return nil, verb("state", id, err)
	}
	return s, nil
}

func (r *Runtime) state(id string) (*State, error) {
	d, record, err := r.open(id)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return stateOf(d, record), nil
}

func stateOf(d *state.Dir, r *state.Record) *State {
	s := &State{
		OCIVersion: r.OCIVersion, ID: r.ID, Status: statusOf(d, r), Bundle: r.Bundle, Rootfs: r.Rootfs,
		Created: r.Created, Annotations: r.Annotations, Owner: ownerName(r.Owner),
	}
	if r.Cgroup != nil && r.Cgroup.Unit != nil {
		s.Unit = r.Cgroup.Unit.Name
	}
	if s.Status != StatusStopped {
		s.Pid = r.Init.Pid
	}
	if r.Overlay != nil {
		s.Overlay = cmp.Or(r.Overlay.Dir, overlay.Tmpfs)
	}
	return s
}

// ownerName is the user's name, or the number where it has none. Root is root without reading /etc/passwd.
func ownerName(uid uint32) string {
	if uid == 0 {
		return "root"
	}
	if name := passwd.Name(uid); name != "" {
		return name
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// List returns the state of every container below the root, sorted by id. What create left half-made is listed too, as
// stopped; an entry whose record cannot be read is listed with nothing but its id, and warned about.
func (r *Runtime) List() ([]State, error) {
	root, err := state.OpenRoot(r.Root, false)
	if errors.Is(err, fault.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, verb("list", "", err)
	}
	defer root.Close()
	ids, err := root.IDs()
	if err != nil {
		return nil, verb("list", "", err)
	}
	list := make([]State, 0, len(ids))
	for _, id := range ids {
		d, err := root.Open(id)
		if err != nil {
			continue // deleted meanwhile
		}
		record, err := load(d)
		switch {
		case err == nil:
			list = append(list, *stateOf(d, record))
		case err != fault.ErrNotExist: // else it is deleted right now
			r.warn("list: " + id + ": " + err.Error())
			list = append(list, State{ID: id, Status: StatusStopped})
		}
		d.Close()
	}
	return list, nil
}
