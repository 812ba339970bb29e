package engines

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// perhaps does one thing with tare that restarts the engine, so that it cannot be a row of a table.
func perhaps(t *testing.T, e *engine, do func(*engine)) {
	t.Helper()
	if problem, lacks := e.attempt(&operation{name: t.Name(), do: do}); lacks != "" {
		skipUnless(t, false, lacks)
	} else if problem != "" {
		t.Error(problem)
	}
}

// A11: containers run on while dockerd is away, and the next one finds them.
func TestDockerLiveRestore(t *testing.T) {
	with, dockerd := startDockerDaemon(t, "--live-restore")
	perhaps(t, with("tare"), func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
		e.does("run", "-d", "--name", "c2", image, "sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 5")
		e.eventually("ready", "logs", "c1")
		pid := e.does("inspect", "--format", "{{.State.Pid}}", "c1")
		must2(e, dockerd.stop(syscall.SIGTERM))
		if _, err := os.Stat("/proc/" + number(e, pid)); err != nil {
			e.fail("the container ended with the daemon: %v", err)
		}
		must2(e, dockerd.start())
		e.says(pid, "inspect", "--format", "{{.State.Pid}}", "c1")
		e.says("0", "exec", "c1", "id", "-u")
		e.does("exec", "c2", "touch", "/end")
		e.says("5", "wait", "c2")
		e.does("stop", "-t=30", "c1")
		e.says("7", "inspect", "--format", "{{.State.ExitCode}}", "c1")
		e.does("start", "c1")
	})
}

// number is the same text, once it is certain that it is a pid.
func number(e *engine, text string) string {
	_, err := strconv.Atoi(text)
	must2(e, err)
	return text
}

// A1: the same for containerd, whose shims stay.
func TestContainerdRestart(t *testing.T) {
	with, containerd := startContainerdDaemon(t)
	perhaps(t, with("tare"), func(e *engine) {
		e.sleeper()
		must2(e, containerd.stop(syscall.SIGTERM))
		must2(e, containerd.start())
		e.has([]string{"c1", "RUNNING"}, "tasks", "list")
		e.execSays("0", "c1", "id", "-u")
		e.does("tasks", "kill", "--signal=KILL", "c1")
	})
}

// A1: a shim that is killed. containerd has the runtime delete what is left.
func TestContainerdShimKilled(t *testing.T) {
	e := startContainerd(t)("tare")
	perhaps(t, e, func(e *engine) {
		e.sleeper()
		pid := ""
		for line := range strings.Lines(e.does("tasks", "list")) {
			if fields := strings.Fields(line); fields[0] == "c1" {
				pid = fields[1]
			}
		}
		stat, err := os.ReadFile("/proc/" + number(e, pid) + "/stat")
		must2(e, err)
		_, rest, _ := strings.Cut(string(stat), ") ")
		shim, err := strconv.Atoi(strings.Fields(rest)[1])
		must2(e, err)
		if name, err := os.ReadFile("/proc/" + strconv.Itoa(shim) + "/comm"); !strings.HasPrefix(string(name), "containerd-shim") {
			e.fail("the parent of the container is %q, %v", name, err)
		}
		must2(e, syscall.Kill(shim, syscall.SIGKILL))
		e.until("the container is killed", func() error {
			if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
				return nil
			}
			return errors.New("it lives")
		})
		e.until("the task is gone", func() error {
			if tasks := e.does("tasks", "list"); strings.Contains(tasks, "RUNNING") {
				return errors.New(tasks)
			}
			return nil
		})
		e.try("tasks", "delete", "c1") // it may be gone
		e.does("containers", "delete", "c1")
		e.sleeper() // the id is free again
	})
}
