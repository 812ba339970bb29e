package libcontainer

import (
	"os"
	"strconv"
	"strings"
)

// unreaped says why a killed init stays, in words for an operator. Init is the last to leave its pid namespace: the kernel has it
// wait until everybody else there has been reaped (zap_pid_ns_processes), and the parent of an exec is a process of the host,
// such as a shim, which may be stuck.
func unreaped(init int) string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return ""
	}
	cgroup, depth := placeOf(init)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == init {
			continue
		}
		stat, err := readStat(pid)
		if err != nil || stat.state != 'Z' {
			continue
		}
		if c, d := placeOf(pid); d == 0 || d < depth || !strings.HasPrefix(c, cgroup) {
			continue
		}
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(stat.parent) + "/comm")
		return "it waits until " + strings.TrimSpace("process "+strconv.Itoa(stat.parent)+" "+string(name)) + " has reaped its child " + strconv.Itoa(pid)
	}
	return ""
}

// placeOf is the cgroup of a process, and the number of pid namespaces that it is in. Only in the unified hierarchy, which has
// the number 0, a zombie still is where it was. A process that is gone is nowhere.
func placeOf(pid int) (cgroup string, depth int) {
	dir := "/proc/" + strconv.Itoa(pid)
	text, _ := os.ReadFile(dir + "/cgroup")
	status, _ := os.ReadFile(dir + "/status")
	_, ids, _ := strings.Cut(string(status), "\nNSpid:")
	ids, _, _ = strings.Cut(ids, "\n")
	if at := strings.Index(string(text), "0::"); at >= 0 {
		cgroup = strings.TrimSpace(string(text[at:]))
	}
	return cgroup, len(strings.Fields(ids))
}
