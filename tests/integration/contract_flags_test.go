package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// engineProcess is what engines hand to exec.
func engineProcess(terminal bool, args ...string) specs.Process {
	return specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, Terminal: terminal}
}

// limitsOnStdin is a change of limits as JSON, of a kind that this machine can have.
func limitsOnStdin(t *testing.T) *os.File {
	t.Helper()
	text := `{"memory":{},"cpu":{}}`
	if mount, _ := controllerMount(t, "pids"); mount != "" {
		text = `{"memory":{},"cpu":{},"pids":{"limit":100}}`
	}
	path := filepath.Join(t.TempDir(), "resources")
	must(t, os.WriteFile(path, []byte(text), 0o644))
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// execDetached is exec in the forms of the shim and of conmon: the process file is written, and the exec waited for.
func (c *caller) execDetached(line string, terminal bool) {
	c.t.Helper()
	c.processFile(engineProcess(terminal, "sh", "-c", "exit 9"))
	c.does(line)
	pid := atoi(c.t, read(c.t, filepath.Join(c.bundle.dir, "exec.pid")))
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 9 {
		c.t.Errorf("the exec ended with %v, %v", status, err)
	}
	must(c.t, os.Remove(filepath.Join(c.bundle.dir, "exec.pid")))
}

// A1 A2 A7 A11 C25: the shim of containerd, which Docker and the CRI use too.
func TestCallsOfContainerd(t *testing.T) {
	for _, namespace := range []string{"k8s.io", "moby"} {
		t.Run(namespace, func(t *testing.T) {
			c := newCaller(t, "--root ROOT/"+namespace+" --log BUNDLE/log.json --log-format json", withArgs("sleep", "600"))
			c.env, c.dir = []string{"PATH=/usr/bin:/bin", "GOMAXPROCS=4"}, c.bundle.dir // the shim's working directory is the bundle
			c.containerdSequence("", false)
		})
	}
	t.Run("terminal", func(t *testing.T) {
		c := newCaller(t, "--root ROOT/moby --log BUNDLE/log.json --log-format json", withProcess(withTerminal))
		c.env = []string{"PATH=/usr/bin:/bin", "GOMAXPROCS=2"}
		c.containerdSequence("--no-pivot --no-new-keyring", true)
	})
}

// A1 B7: the same with the systemd driver, as Kubernetes has it.
func TestSystemdCallsOfContainerd(t *testing.T) {
	requireSystemd(t)
	c := newCaller(t, "--root ROOT/k8s.io --log BUNDLE/log.json --log-format json --systemd-cgroup", withArgs("sleep", "600"))
	c.spec.Linux.CgroupsPath = "system.slice:tare-it:" + c.id
	c.writeConfig()
	c.env = []string{"PATH=/usr/bin:/bin", "GOMAXPROCS=4"}
	c.containerdSequence("", false)
}

func (c *caller) containerdSequence(flags string, terminal bool) {
	c.t.Helper()
	console := func(name string) (string, func()) {
		if !terminal {
			return "", func() {}
		}
		return "--console-socket BUNDLE/" + name, c.console(name)
	}
	socket, take := console("pty.sock")
	c.does("create --bundle BUNDLE --pid-file BUNDLE/init.pid " + socket + " " + flags + " ID")
	take()
	c.created("init.pid")
	c.does("start ID")
	socket, take = console("exec.sock")
	c.execDetached("exec --process BUNDLE/process.json "+socket+" --detach --pid-file BUNDLE/exec.pid ID", terminal)
	take()
	wants(c.t, "ps", strings.TrimSpace(c.does("ps --format json ID").stdout), "["+itoa(c.pid)+"]")
	for _, update := range []string{"update --resources - ID", "update --resources=- ID"} {
		if r := c.call(update, invocation{stdin: limitsOnStdin(c.t)}).succeeds(); r.stdout != "" {
			c.t.Error(r)
		}
	}
	c.does("pause ID")
	c.does("resume ID")
	c.refuses("delete ID", "that is not stopped: running")
	c.does("kill --all ID 9")
	c.wait()
	c.refuses("kill ID 9", "container not running")
	c.does("kill --all ID 9")
	c.does("delete ID")
	c.refuses("kill ID 9", "container does not exist")
	c.refuses("delete ID", "container does not exist")
	c.does("delete --force ID") // from a second shim, after all that
}

// A8 A10: Podman, for which conmon calls create and exec, and which calls everything else itself, without any global option
// and with next to nothing in the environment.
func TestCallsOfPodman(t *testing.T) {
	t.Run("pipes", func(t *testing.T) { callsOfPodman(t, false) })
	t.Run("terminal", func(t *testing.T) { callsOfPodman(t, true) })
}

func callsOfPodman(t *testing.T, terminal bool) {
	c := newCaller(t, "", withProcess(func(p *specs.Process) { p.Terminal = terminal }))
	conmon, podman := []string{"PATH=/usr/bin:/bin", "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", "XDG_RUNTIME_DIR="}, []string{"XDG_RUNTIME_DIR="}
	c.env = conmon
	console, take, executeTake := "", func() {}, func() {}
	if terminal {
		console, take = " --console-socket BUNDLE/s", c.console("s")
	}
	c.globals = "--log-format=json --log BUNDLE/log.json"
	i := invocation{extra: extraFiles(t, 3, 4)}
	c.call("create --bundle BUNDLE --pid-file BUNDLE/pid --no-pivot --no-new-keyring --preserve-fds 2"+console+" ID", i).succeeds()
	take()
	c.created("pid")
	if !exists("/run/tare/" + c.id) {
		t.Error("the runtime root is not the default")
	}
	c.globals, c.env = "", podman
	c.env = append(podman, "PATH=/usr/bin:/bin")
	c.does("start ID")
	c.globals, c.env = "--log-format=json --log BUNDLE/log.json", conmon
	execute := "exec --pid-file BUNDLE/exec.pid --process BUNDLE/process.json --detach --preserve-fds 0 ID"
	if terminal {
		executeTake = c.console("e")
		execute = "exec --pid-file BUNDLE/exec.pid --process BUNDLE/process.json --detach --tty --console-socket BUNDLE/e ID"
	}
	c.execDetached(execute, false) // --tty, where it is given, goes together with --process
	executeTake()
	c.globals, c.env = "", podman
	c.does("pause ID")
	c.does("resume ID")
	must(t, os.WriteFile(filepath.Join(c.bundle.dir, "podman123"), []byte(`{"memory":{},"cpu":{}}`), 0o644))
	c.env = append(podman, "PATH=/usr/bin:/bin")
	c.does("update --resources=BUNDLE/podman123 ID")
	c.env = podman
	c.does("kill ID 0")
	c.does("kill --all ID 15")
	c.does("kill ID 9")
	c.wait()
	c.does("delete --force ID")
	c.does("delete --force ID")
}

// A10: CRI-O calls create by conmon, and the rest itself, with --root alone and signals by name.
func TestCallsOfCRIO(t *testing.T) {
	c := newCaller(t, "--root=ROOT", withArgs("sh", "-c", trap))
	c.env = []string{"PATH=/usr/bin:/bin", "_OCI_SYNCPIPE=3"}
	c.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	c.created("pid")
	c.globals, c.env = "--root ROOT", []string{"PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=/nonexistent"}
	status := func(want string) {
		t.Helper()
		var s container
		c.call("state ID", invocation{}).decode(&s)
		wants(t, "status", s.Status, want)
	}
	status("created")
	c.does("start ID")
	status("running")
	c.processFile(engineProcess(false, "sh", "-c", "cat; echo error >&2; exit 7"))
	r := c.call("exec --process BUNDLE/process.json ID", invocation{stdin: limitsOnStdin(t)})
	if r.status != 7 || !strings.HasPrefix(r.stdout, `{"memory"`) || r.stderr != "error\n" {
		t.Errorf("foreground exec: %v", r)
	}
	c.processFile(engineProcess(true, "sh", "-c", "tty; exit 3"))
	user := newPty(t)
	if r := c.call("exec --process BUNDLE/process.json ID", invocation{terminal: user.slave}); r.status != 3 {
		t.Errorf("foreground exec with a terminal: %v", r)
	}
	user.master.shows("/dev/pts/")
	c.call("update --resources - ID", invocation{stdin: limitsOnStdin(t)}).succeeds()
	c.does("pause ID")
	status("paused")
	c.does("resume ID")
	c.does("kill ID USR1")
	c.wait()
	status("stopped")
	c.refuses("kill ID KILL", "container not running")
	c.does("kill -a ID 9")
	c.does("delete --force ID")
	c.refuses("state ID", "container does not exist")
	c.globals = ""
	c.does("features")
}

// Buildah, and podman build --isolation oci: the default root, no log, the bundle as working directory; it asks for the state
// every 100 ms.
func TestCallsOfBuildah(t *testing.T) {
	for _, signal := range []string{"", "TERM", "9"} {
		t.Run("kill "+signal, func(t *testing.T) {
			c := newCaller(t, "", withArgs("sh", "-c", trap), withProcess(withTerminal))
			c.env, c.dir = []string{"PATH=/usr/bin:/bin"}, c.bundle.dir
			take := c.console("console.sock")
			c.does("create --bundle BUNDLE --pid-file BUNDLE/pid --console-socket BUNDLE/console.sock --no-pivot ID")
			take()
			c.created("pid")
			c.does("start ID")
			eventually(t, "the container runs", func() bool {
				var s container
				c.call("state ID", invocation{}).decode(&s)
				return slices.Contains([]string{"creating", "created", "running", "stopped"}, s.Status) && s.Status == "running"
			})
			c.does("kill ID " + signal)
			if signal != "9" { // the shell may have had no trap yet
				c.call("kill ID 9", invocation{})
			}
			c.wait()
			var s container
			c.does("state ID").decode(&s)
			if s.Status != "stopped" || s.Pid != 0 {
				t.Errorf("state %+v", s)
			}
			c.does("delete ID")
			c.refuses("state ID", "container does not exist")
		})
	}
}

// BuildKit in dockerd: a run in the foreground, then exec, kill and delete.
func TestCallsOfBuildKit(t *testing.T) {
	c := newCaller(t, "--log BUNDLE/log.json --log-format json", withArgs("sh", "-c", "echo built; exit 5"))
	c.env = []string{"PATH=/usr/bin:/bin"}
	for _, keep := range []string{"--keep", ""} {
		r := c.call("run --bundle BUNDLE "+keep+" ID", invocation{})
		if r.status != 5 || r.stdout != "built\n" || r.stderr != "" {
			t.Error(r)
		}
		c.checkLog()
		if keep != "" {
			c.refuses("kill ID 9", "container not running")
			c.does("delete ID")
		}
	}
	c.refuses("delete ID", "container does not exist")
}

// A6: go-runc has these, which no engine here uses.
func TestCallsOfGoRunc(t *testing.T) {
	c := newCaller(t, "--root ROOT")
	c.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	c.created("pid")
	var list []container
	c.does("list --format=json").decode(&list)
	if len(list) != 1 || list[0].ID != c.id || list[0].Status != "created" || list[0].Rootfs != c.path() {
		t.Errorf("list: %+v", list)
	}
	var event struct{ Type, ID string }
	c.does("events --stats ID").decode(&event)
	wants(t, "event", event.Type+" "+event.ID, "stats "+c.id)
	c.does("spec --bundle " + t.TempDir())
	c.does("kill ID 9")
	c.wait()
}

// A8: Podman asks whether containers can be checkpointed. It must get a clear no, by the status of the first question and the
// words of the second. containerd does not ask, and shows the first line of the answer.
func TestCheckpointProbes(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"checkpoint --help", "checkpoint: not supported; containers that are to be"},
		{"restore --lsm-mount-context", "restore: not supported; containers that are to be"},
		{"--root R --log L --log-format json checkpoint --image-path P --work-path W --leave-running c1", "checkpoint c1: not supported; "},
		{"--root R --log L --log-format json restore --image-path P --work-path W --detach --pid-file F --bundle B c1", "restore c1: not supported; "},
	} {
		r := invoke(t, invocation{exact: true, dir: t.TempDir(), args: strings.Fields(test.line)}).fails(test.want)
		if strings.Count(r.stderr, "\n") != 1 || r.stdout != "" {
			t.Errorf("more than one line: %v", r)
		}
		for _, yes := range []string{"flag needs an argument", "requires an argument"} {
			if strings.Contains(r.stderr, yes) {
				t.Errorf("%v", r)
			}
		}
	}
}
