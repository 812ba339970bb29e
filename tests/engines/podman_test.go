package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// setUpPodman configures Podman and gives it the image, once.
var setUpPodman = sync.OnceValue(func() error {
	runc, _ := exec.LookPath("runc")
	crun, _ := exec.LookPath("crun")
	for path, text := range map[string]string{
		"/etc/containers/policy.json":     `{"default": [{"type": "insecureAcceptAnything"}]}`,
		"/etc/containers/registries.conf": "unqualified-search-registries = []\n",
		"/etc/containers/storage.conf":    "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n",
		"/etc/containers/containers.conf": `
[containers]
netns = "none"
log_driver = "k8s-file"
` + pidsLimit() + `
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
network_cmd_path = "/bin/false"
runtime = "tare"
runtime_supports_json = ["tare", "crun", "runc"]
[engine.runtimes]
tare = ["` + tare + `"]
runc = ["` + runc + `"]
crun = ["` + crun + `"]
[network]
network_backend = "netavark"
`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.MkdirAll("/root/.config", 0o700)
})

// pidsLimit takes back the limit that Podman gives every container, where there is no controller for it.
func pidsLimit() string {
	if hasController("pids") {
		return ""
	}
	return "pids_limit = 0"
}

func podman(t *testing.T) func(runtime string) *engine {
	t.Helper()
	requireEngine(t, "podman", "conmon", "runc")
	must(t, setUpPodman())
	with := func(runtime string) *engine {
		return &engine{name: "podman", runtime: runtime, command: []string{"podman", "--runtime", runtime}, noProgram: 127, clean: func(e *engine) {
			e.try("pod", "rm", "--all", "--force", "--time=0")
			e.try("rm", "--all", "--force", "--time=0", "--volumes")
			e.try("volume", "prune", "--force")
		}}
	}
	load := with("tare")
	if r := load.try("load", "--quiet", "--input", archive(t)); r.status != 0 {
		t.Fatalf("podman load: %s", r.output)
	}
	return with
}

// A8: Podman by its own commands.
func TestPodman(t *testing.T) {
	perform(t, podman(t), slices.Concat(commonOperations, podmanOperations))
}

var podmanOperations = []operation{
	{"health check", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--health-cmd", "test -e /tmp/well", "--health-interval=disable", image, "sleep", "600")
		if e.try("healthcheck", "run", "c1").status == 0 {
			e.fail("healthy without the file")
		}
		e.does("exec", "c1", "touch", "/tmp/well")
		e.does("healthcheck", "run", "c1")
	}},
	{"init", func(e *engine) {
		if _, err := os.Stat("/usr/libexec/podman/catatonit"); err == nil {
			e.says("1000", "run", "--rm", "--init", "--user", "1000", image, "id", "-u")
		}
	}},
	{"pods", func(e *engine) {
		e.does("pod", "create", "--name", "p1", "--infra-image", image, "--infra-command", "/bin/sleep 600", "--share", "net,ipc,uts")
		e.does("run", "-d", "--pod", "p1", "--name", "c1", image, "sleep", "600")
		e.says("2", "pod", "inspect", "--format", "{{.NumContainers}}", "p1")
		e.does("pod", "stop", "--time=0", "p1")
		e.does("pod", "start", "p1")
		e.says("ok", "exec", "c1", "echo", "ok")
		e.does("pod", "rm", "--force", "--time=0", "p1")
	}},
	{"user namespace", func(e *engine) {
		e.says("0 100000 5000", "run", "--rm", "--uidmap", "0:100000:5000", "--gidmap", "0:100000:5000", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
		e.says("0", "run", "--rm", "--uidmap", "0:100000:5000", image, "stat", "-c", "%u", "/etc/passwd")
	}},
	{"preserved descriptors", func(e *engine) {
		r := e.tryIn(workspace, "", "run", "--rm", "--preserve-fds=1", image, "cat", "/proc/self/fd/3")
		if r.status == 0 {
			e.fail("descriptor 3 is there: %+v", r)
		}
	}},
	{"play kube", func(e *engine) {
		pod := e.file("pod.yaml", `
apiVersion: v1
kind: Pod
metadata: {name: kube}
spec:
  hostNetwork: true
  restartPolicy: Never
  containers:
  - {name: one, image: "`+image+`", imagePullPolicy: Never, command: [sh, -c, "echo played; sleep 600"]}
`)
		e.does("play", "kube", pod)
		e.eventually("played", "logs", "kube-one")
		e.does("play", "kube", "--down", pod)
	}},
	{"build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Containerfile"), []byte("FROM "+image+"\nRUN echo built >/built && mkdir -p /a/b\nWORKDIR /a/b\nUSER user\nRUN id -u >/tmp/id\n"), 0o644))
		e.does("build", "--isolation=oci", "--network=none", "--pull-never", "-t", "localhost/built", dir)
		e.says("built 1000", "run", "--rm", "localhost/built", "sh", "-c", "echo $(cat /built /tmp/id)")
	}},
	{"failing build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Containerfile"), []byte("FROM "+image+"\nRUN exit 5\n"), 0o644))
		e.ends(5, []string{"exit status 5"}, "build", "--isolation=oci", "--network=none", "--pull-never", dir)
	}},
}

func must2(e *engine, err error) {
	if err != nil {
		e.fail("%v", err)
	}
}
