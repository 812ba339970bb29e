package engines

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startCRI starts a containerd with its CRI plugin, as a kubelet would have it. It pulls images from a registry of the tests, if
// one is given.
func startCRI(t *testing.T, from *registry) func(runtime string) *engine {
	t.Helper()
	with, _ := startCRIDaemon(t, from)
	return with
}

func startCRIDaemon(t *testing.T, from *registry) (with func(runtime string) *engine, containerd *service) {
	t.Helper()
	requireEngine(t, "containerd", "ctr", "runc")
	file := filepath.Join(workspace, "cri.toml")
	must(t, os.WriteFile(file, []byte(criConfiguration(t, from)), 0o644))
	command := crictl(t, "/run/containerd/containerd.sock")
	containerd = daemon(t, func() error { return answered(append(command, "info")...) }, "containerd", "--config", file)
	for _, path := range []string{archive(t), pauseArchive(t, "tail", "-f", "/dev/null")} {
		must(t, answered("ctr", "--namespace=k8s.io", "images", "import", path))
	}
	with = func(runtime string) *engine {
		return &engine{
			name: "CRI", runtime: runtime, command: command,
			clean: func(e *engine) { e.try("rmp", "--all", "--force") },
		}
	}
	return with, containerd
}

// crictl is the command line of crictl for the CRI at a socket.
func crictl(t *testing.T, socket string) []string {
	t.Helper()
	program, err := exec.LookPath("crictl")
	if err != nil {
		program, err = filepath.Abs("../../build/bin/crictl")
		must(t, err)
		_, err = os.Stat(program)
	}
	skipUnless(t, err == nil, "crictl is missing; make build/bin/crictl")
	settings := filepath.Join(workspace, "crictl.yaml")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, "runtime-endpoint: unix://%s\nimage-endpoint: unix://%[1]s\ntimeout: 60\n", socket), 0o644))
	return []string{program, "--config=" + settings}
}

// A1 A10: the calls that a kubelet makes, by crictl.
func TestCRI(t *testing.T) { perform(t, startCRI(t, nil), criOperations) }

// pod starts a sandbox and returns its id and its configuration.
func (e *engine) pod(change func(pod map[string]any)) (id, file string) {
	logs := e.directory("logs")
	pod := map[string]any{
		"metadata":      map[string]any{"name": "pod", "namespace": "default", "uid": filepath.Base(logs), "attempt": 1},
		"log_directory": logs,
		"linux":         map[string]any{"cgroup_parent": "/tare-engines", "security_context": map[string]any{"namespace_options": map[string]any{"network": 2, "pid": 1}}},
	}
	if change != nil {
		change(pod)
	}
	file = e.json("pod.json", pod)
	return e.does("runp", "--runtime="+e.runtime, file), file
}

// container creates and starts one in a sandbox.
func (e *engine) container(pod, podFile string, change func(c map[string]any), command ...string) (id string) {
	id = e.does("create", "--no-pull", pod, e.containerFile(change, command...), podFile)
	e.does("start", id)
	return id
}

// containerFile is the configuration of a container.
func (e *engine) containerFile(change func(c map[string]any), command ...string) (path string) {
	c := map[string]any{
		"metadata": map[string]any{"name": "container", "attempt": 1}, "image": map[string]any{"image": image},
		"command": command, "log_path": "log",
	}
	security(map[string]any{})(c)
	if change != nil {
		change(c)
	}
	return e.json("container.json", c)
}

func (e *engine) json(name string, value any) (path string) {
	text, err := json.Marshal(value)
	must2(e, err)
	return e.file(name, string(text))
}

// security is a change: a container with this security context, and a pid namespace of its own as a kubelet asks for.
func security(context map[string]any) func(map[string]any) {
	if context["namespace_options"] == nil {
		context["namespace_options"] = map[string]any{"network": 2, "pid": 1}
	}
	return func(c map[string]any) { c["linux"] = map[string]any{"security_context": context} }
}

// state waits until a container is in a state.
func (e *engine) state(want, id string) {
	e.eventually(want, "inspect", "--output=go-template", "--template", "{{.status.state}}", id)
}

var criOperations = []operation{
	{"pod", func(e *engine) {
		pod, _ := e.pod(nil)
		e.has([]string{"Ready"}, "pods")
		e.does("stopp", pod)
		e.has([]string{"NotReady"}, "pods")
		e.does("rmp", pod)
	}},
	{"container, logs, exit", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "echo said; exit 3")
		e.state("CONTAINER_EXITED", id)
		e.says("said", "logs", id)
		e.says("3", "inspect", "--output=go-template", "--template", "{{.status.exitCode}}", id)
	}},
	{"exec", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		e.says("0", "exec", "--sync", id, "id", "-u")
		e.says("streamed", "exec", id, "echo", "streamed")
		if r := e.try("exec", "--sync", id, "sh", "-c", "exit 5"); r.status == 0 {
			e.fail("%+v", r)
		}
		if r := e.try("exec", "--sync", id, "nosuch"); r.status == 0 || !strings.Contains(r.output, "executable file not found") {
			e.fail("%+v", r)
		}
	}},
	{"exec with a terminal", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		if out := e.terminal("tty; exit 0\n", "exec", "--interactive", "--tty", id, "sh"); !strings.Contains(out, "/dev/pts/") {
			e.fail("%q", out)
		}
	}},
	{"stop with grace", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
		e.eventually("ready", "logs", id)
		e.does("stop", "--timeout=30", id)
		e.eventually("ready\nbye", "logs", id)
	}},
	{"stop by force", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		e.does("stop", "--timeout=0", id)
		e.says("137", "inspect", "--output=go-template", "--template", "{{.status.exitCode}}", id)
		e.does("rm", id)
	}},
	{"stats", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		e.has([]string{id[:12]}, "stats", "--id", id)
	}},
	{"limits and update", func(e *engine) {
		pod, file := e.pod(nil)
		read := "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true"
		id := e.container(pod, file, func(c map[string]any) {
			c["linux"].(map[string]any)["resources"] = map[string]any{"memory_limit_in_bytes": 64 << 20, "cpu_shares": 512, "cpu_quota": 50000, "cpu_period": 100000}
		}, "sleep", "600")
		e.says("67108864", "exec", "--sync", id, "sh", "-c", read)
		e.does("update", "--memory", "100663296", id)
		e.says("100663296", "exec", "--sync", id, "sh", "-c", read)
	}},
	{"user and groups", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, security(map[string]any{"run_as_user": map[string]any{"value": 1000}, "supplemental_groups": []int{77}}), "sh", "-c", "id -u; id -G")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"1000\n", "77"}, "logs", id)
	}},
	{"capabilities", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, security(map[string]any{"capabilities": map[string]any{"drop_capabilities": []string{"ALL"}, "add_capabilities": []string{"NET_ADMIN"}}}), "grep", "CapEff", "/proc/self/status")
		e.state("CONTAINER_EXITED", id)
		e.says("CapEff:\t0000000000001000", "logs", id)
	}},
	{"seccomp and no new privileges", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, security(map[string]any{"no_new_privs": true, "seccomp": map[string]any{"profile_type": 0}}), "grep", "-E", "NoNewPrivs|Seccomp:", "/proc/self/status")
		e.state("CONTAINER_EXITED", id)
		e.says("NoNewPrivs:\t1\nSeccomp:\t2", "logs", id)
	}},
	{"read-only root", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, security(map[string]any{"readonly_rootfs": true}), "touch", "/etc/new")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"Read-only file system"}, "logs", id)
	}},
	{"volumes", func(e *engine) {
		dir := filepath.Dir(e.file("data", "content"))
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) {
			c["mounts"] = []map[string]any{{"container_path": "/data", "host_path": dir, "readonly": true}}
		}, "sh", "-c", "cat /data/data; touch /data/new")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"content", "Read-only file system"}, "logs", id)
	}},
	{"sysctls", func(e *engine) {
		pod, file := e.pod(func(pod map[string]any) {
			pod["linux"].(map[string]any)["sysctls"] = map[string]string{"kernel.shm_rmid_forced": "1"}
		})
		id := e.container(pod, file, nil, "cat", "/proc/sys/kernel/shm_rmid_forced")
		e.state("CONTAINER_EXITED", id)
		e.says("1", "logs", id)
	}},
	{"privileged", func(e *engine) {
		pod, file := e.pod(func(pod map[string]any) {
			pod["linux"].(map[string]any)["security_context"].(map[string]any)["privileged"] = true
		})
		id := e.container(pod, file, security(map[string]any{"privileged": true}), "mount", "-t", "tmpfs", "tmpfs", "/tmp")
		e.state("CONTAINER_EXITED", id)
		e.says("0", "inspect", "--output=go-template", "--template", "{{.status.exitCode}}", id)
	}},
	{"shared pid namespace", func(e *engine) {
		pod, file := e.pod(func(pod map[string]any) {
			pod["linux"].(map[string]any)["security_context"].(map[string]any)["namespace_options"] = map[string]any{"network": 2, "pid": 0}
		})
		one := e.container(pod, file, security(map[string]any{"namespace_options": map[string]any{"network": 2, "pid": 0}}), "sleep", "600")
		e.has([]string{"tail -f /dev/null", "sleep 600"}, "exec", "--sync", one, "ps")
	}},
	{"no such program", func(e *engine) {
		pod, file := e.pod(nil)
		r := e.try("create", "--no-pull", pod, e.containerFile(nil, "nosuch"), file)
		if r.status == 0 { // containerd has a runtime create what it starts
			r = e.try("start", r.output)
		}
		if r.status == 0 || !strings.Contains(r.output, "executable file not found in $PATH") {
			e.fail("%+v", r)
		}
	}},
}
