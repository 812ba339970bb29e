package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// containerdConfig keeps everything in the places that are private to the tests. The CRI has tests of its own.
const containerdConfig = `version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
`

// namespace is also the parent of the cgroups, which the host may have others of.
const namespace = "tare-engines"

func startContainerd(t *testing.T) func(runtime string) *engine {
	t.Helper()
	with, _ := startContainerdDaemon(t)
	return with
}

func startContainerdDaemon(t *testing.T) (with func(runtime string) *engine, containerd *service) {
	t.Helper()
	requireEngine(t, "containerd", "ctr", "runc")
	t.Setenv("CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS", "1") // of ctr 2, on hosts with cgroup v1
	config := filepath.Join(workspace, "containerd.toml")
	must(t, os.WriteFile(config, []byte(containerdConfig), 0o644))
	containerd = daemon(t, func() error { return answered("ctr", "version") }, "containerd", "--config", config)
	must(t, answered("ctr", "--namespace", namespace, "images", "import", archive(t)))
	with = func(runtime string) *engine {
		path := tare
		if runtime != "tare" {
			path, _ = exec.LookPath(runtime)
		}
		return &engine{
			name: "containerd", runtime: runtime, command: []string{"ctr", "--namespace", namespace}, runOptions: runOptions(path),
			clean: func(e *engine) {
				for _, id := range strings.Fields(e.try("containers", "list", "--quiet").output) {
					e.try("tasks", "kill", "--signal=KILL", "--all", id)
					e.try("tasks", "delete", "--force", id)
					e.try("containers", "delete", id)
				}
			},
		}
	}
	return with, containerd
}

// runOptions are those of ctr. It asks for CPU shares, unless it is told not to.
func runOptions(runtime string) []string {
	options := []string{"--runc-binary", runtime, "--snapshotter=native"}
	if !hasController("cpu") {
		options = append(options, "--cpu-shares=0")
	}
	return options
}

// A1: containerd by ctr, whose shim is told the runtime's path.
func TestContainerd(t *testing.T) { perform(t, startContainerd(t), containerdOperations) }

// sleeper runs in the background.
func (e *engine) sleeper(options ...string) {
	e.does(append(append([]string{"run", "--detach"}, options...), image, "c1", "sleep", "600")...)
}

// execSays tries several times: ctr may end before it has copied the output of what it has executed.
func (e *engine) execSays(want string, args ...string) {
	got := ""
	for range 5 {
		got = e.does(append([]string{"tasks", "exec", "--exec-id=e" + strconv.FormatInt(time.Now().UnixNano(), 36)}, args...)...)
		if got == want {
			return
		}
	}
	e.fail("%q: %q, want %q", args, got, want)
}

var containerdOperations = []operation{
	{"run", func(e *engine) { e.says("hello", "run", "--rm", image, "c1", "echo", "hello") }},
	{"exit status", func(e *engine) { e.ends(42, nil, "run", "--rm", image, "c1", "sh", "-c", "exit 42") }},
	{"terminal", func(e *engine) {
		if out := e.terminal("tty; exit 0\n", "run", "--rm", "--tty", image, "c1", "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
	}},
	{"tasks", func(e *engine) {
		e.sleeper()
		e.has([]string{"c1", "RUNNING"}, "tasks", "list")
		e.does("tasks", "pause", "c1")
		e.has([]string{"PAUSED"}, "tasks", "list")
		e.does("tasks", "resume", "c1")
		e.has([]string{"RUNNING"}, "tasks", "list")
		e.has([]string{"PID"}, "tasks", "ps", "c1")
		if hasController("memory") {
			e.has([]string{"memory"}, "tasks", "metrics", "c1")
		}
	}},
	{"exec", func(e *engine) {
		e.sleeper()
		e.execSays("0", "c1", "id", "-u")
		e.execSays("1000", "--user=1000", "c1", "id", "-u")
		e.execSays("/tmp", "--cwd=/tmp", "c1", "pwd")
		e.ends(9, nil, "tasks", "exec", "--exec-id=e4", "c1", "sh", "-c", "exit 9")
		e.ends(1, []string{"executable file not found"}, "tasks", "exec", "--exec-id=e5", "c1", "nosuch")
	}},
	{"exec with a terminal", func(e *engine) {
		e.sleeper()
		if out := e.terminal("tty; exit 0\n", "tasks", "exec", "--exec-id=e1", "--tty", "c1", "sh"); !strings.Contains(out, "/dev/pts/") {
			e.fail("%q", out)
		}
	}},
	{"detached exec", func(e *engine) {
		e.sleeper()
		e.does("tasks", "exec", "--exec-id=e1", "--detach", "c1", "touch", "/tmp/made")
		e.eventually("/tmp/made", "tasks", "exec", "--exec-id=e2", "c1", "ls", "/tmp/made")
	}},
	{"kill and delete", func(e *engine) {
		e.sleeper()
		e.does("tasks", "kill", "--signal=KILL", "c1")
		e.eventuallyHas("STOPPED", "tasks", "list") // the kill returns before the shim has reaped init
		if r := e.try("tasks", "delete", "c1"); r.status != 137 && r.status != 0 {
			e.fail("%+v", r)
		}
		e.does("containers", "delete", "c1")
		e.says("", "containers", "list", "--quiet")
	}},
	{"kill twice", func(e *engine) {
		e.sleeper()
		e.does("tasks", "kill", "--signal=KILL", "c1")
		e.try("tasks", "kill", "--signal=KILL", "c1") // it may be gone: both answers are right, and neither hangs
	}},
	{"no such program", func(e *engine) {
		e.ends(1, []string{"executable file not found in $PATH"}, "run", "--rm", image, "c1", "nosuch")
		e.says("", "tasks", "list", "--quiet")
	}},
	{"read-only", func(e *engine) {
		e.ends(1, []string{"Read-only file system"}, "run", "--rm", "--read-only", image, "c1", "touch", "/etc/new")
	}},
	{"mounts", func(e *engine) {
		file := e.file("data", "content")
		mount := "type=bind,src=" + filepath.Dir(file) + ",dst=/data,options=rbind:ro"
		e.says("content", "run", "--rm", "--mount", mount, image, "c1", "cat", "/data/data")
		e.ends(1, []string{"Read-only"}, "run", "--rm", "--mount", mount, image, "c2", "touch", "/data/new")
	}},
	{"capabilities", func(e *engine) {
		e.has([]string{"CapEff:\t00000000a80425fb"}, "run", "--rm", image, "c1", "grep", "CapEff", "/proc/self/status")
	}},
	{"seccomp", func(e *engine) {
		e.has([]string{"Seccomp:\t2"}, "run", "--rm", "--seccomp", image, "c1", "grep", "Seccomp:", "/proc/self/status")
	}},
	{"devices", func(e *engine) {
		e.says("1 7", "run", "--rm", "--device=/dev/full", image, "c1", "stat", "-c", "%t %T", "/dev/full")
	}},
	{"limits", func(e *engine) {
		e.needs("memory", "cpu")
		e.sleeper("--memory-limit=67108864", "--cpu-quota=50000")
		e.has([]string{"67108864"}, "tasks", "metrics", "--format=json", "c1")
	}},
	{"user namespace", func(e *engine) {
		e.has([]string{"100000"}, "run", "--rm", "--uidmap=0:100000:65536", "--gidmap=0:100000:65536", "--remap-labels=false", image, "c1", "cat", "/proc/self/uid_map")
	}},
	{"network of the host", func(e *engine) { e.does("run", "--rm", "--net-host", image, "c1", "true") }},
	{"shared pid namespace", func(e *engine) {
		e.sleeper()
		e.does("run", "--rm", "--with-ns=pid:/proc/1/ns/pid", image, "c2", "true")
	}},
	{"pid file", func(e *engine) {
		path := filepath.Join(e.directory("pid"), "file")
		e.sleeper("--pid-file", path)
		if text, err := os.ReadFile(path); err != nil || strings.Trim(string(text), "0123456789") != "" {
			e.fail("%q, %v", text, err)
		}
	}},
	{"without pivot_root", func(e *engine) { e.says("ok", "run", "--rm", "--no-pivot", image, "c1", "echo", "ok") }},
	{"environment and directory", func(e *engine) {
		e.says("V /tmp", "run", "--rm", "--env", "A=V", "--cwd", "/tmp", image, "c1", "sh", "-c", "echo $A $(pwd)")
	}},
	{"privileged", func(e *engine) {
		e.does("run", "--rm", "--privileged", image, "c1", "mount", "-t", "tmpfs", "tmpfs", "/tmp")
	}},
	{"checkpoint is refused", func(e *engine) {
		e.sleeper()
		if r := e.try("tasks", "checkpoint", "c1"); r.status == 0 {
			e.fail("%+v", r)
		}
		e.has([]string{"RUNNING"}, "tasks", "list")
	}},
}
