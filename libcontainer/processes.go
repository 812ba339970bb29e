package libcontainer

import (
	"os"
	"slices"
	"strconv"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/proctable"
	"github.com/tare-run/tare/libcontainer/state"
)

// Processes returns the pids of everything that runs in the container, as the runtime's pid namespace numbers them,
// sorted: the init process, what it started, and what exec added, in whichever cgroup below the container's.
func (r *Runtime) Processes(id string) ([]int, error) {
	pids, err := r.processes(id)
	return pids, verb("ps", id, err)
}

// ProcessRow is one process as ps(1) describes it.
type ProcessRow = proctable.Row

// ProcessTable describes the processes of the container as `ps -ef` does.
func (r *Runtime) ProcessTable(id string) ([]ProcessRow, error) {
	pids, err := r.processes(id)
	if err != nil {
		return nil, verb("ps", id, err)
	}
	rows, err := proctable.Rows(pids)
	return rows, verb("ps", id, err)
}

// HostPs returns what the host's ps prints with these options about the processes of the container.
func (r *Runtime) HostPs(id string, options []string) (string, error) {
	pids, err := r.processes(id)
	if err != nil {
		return "", verb("ps", id, err)
	}
	text, err := proctable.HostPs(options, pids)
	return text, verb("ps", id, err)
}

func (r *Runtime) processes(id string) ([]int, error) {
	d, record, err := r.open(id)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := recordedCgroup(record)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return processesWithoutCgroup(record)
	}
	defer m.Close()
	return m.Procs() // a stopped container may have processes left where the pid namespace is shared
}

// processesWithoutCgroup finds them by descent from init, and by its pid namespace: what exec adds has a parent outside.
// In a shared pid namespace nothing tells the container's processes from others.
func processesWithoutCgroup(record *state.Record) ([]int, error) {
	if !alive(record.Init) {
		return nil, nil
	}
	if record.SharedPid {
		return nil, &fault.Error{Op: "list processes", Err: fault.ErrNotSupported, Hint: "the container has neither a cgroup nor a pid namespace of its own"}
	}
	namespace, err := os.Readlink(pidNamespace(record.Init.Pid))
	if err != nil {
		return nil, fault.ErrNotRunning
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parents, member := map[int]int{}, map[int]bool{record.Init.Pid: true}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if stat, err := readStat(pid); err == nil {
			parents[pid] = stat.parent
		}
		if theirs, err := os.Readlink(pidNamespace(pid)); err == nil && theirs == namespace {
			member[pid] = true
		}
	}
	var pids []int
	for pid := range parents {
		if descends(pid, parents, member) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

func pidNamespace(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/ns/pid" }

// descends follows the parents of a process to a member. The table was not read in one moment, so a circle is possible.
func descends(pid int, parents map[int]int, member map[int]bool) bool {
	for range len(parents) {
		if member[pid] {
			return true
		}
		pid = parents[pid]
	}
	return false
}
