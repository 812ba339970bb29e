package libcontainer

import (
	"os"
	"strconv"
	"strings"
)

// unreaped says why a killed init stays, in words for an operator. Init is the last to leave its pid namespace: the kernel has it
// wait until everybody else there has been reaped (zap_pid_ns_processes), and the parent of an exec is a process of the host,
// such as a shim, which may be stuck. A zombie still has its namespace.
func unreaped(init int) string {
	own, _ := os.Readlink("/proc/self/ns/pid")
	namespace, err := os.Readlink(pidNamespace(init))
	if err != nil || namespace == own { // it waits for nobody in a namespace that is not its own
		return ""
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return ""
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == init {
			continue
		}
		stat, err := readStat(pid)
		if err != nil || !stat.ended() {
			continue
		}
		if of, err := os.Readlink(pidNamespace(pid)); err != nil || of != namespace {
			continue
		}
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(stat.parent) + "/comm")
		return "it waits until " + strings.TrimSpace("process "+strconv.Itoa(stat.parent)+" "+string(name)) + " has reaped its child " + strconv.Itoa(pid)
	}
	return ""
}
