package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// startDocker starts a dockerd that knows the runtimes by name. BuildKit and the classic builder take "runc" from PATH, or the
// default runtime.
func startDocker(t *testing.T, more ...string) func(runtime string) *engine {
	t.Helper()
	with, _ := startDockerDaemon(t, more...)
	return with
}

func startDockerDaemon(t *testing.T, more ...string) (with func(runtime string) *engine, dockerd *service) {
	t.Helper()
	requireEngine(t, "dockerd", "docker", "containerd", "runc")
	crun, _ := exec.LookPath("crun")
	must(t, os.MkdirAll("/run/docker", 0o711))
	dockerd = daemon(t, func() error { return answered("docker", "version") }, "dockerd", append(more,
		"--bridge=none", "--iptables=false", "--ip-masq=false", "--storage-driver=overlay2", "--default-runtime=tare",
		"--add-runtime=tare="+tare, "--add-runtime=crun="+crun)...)
	with = func(runtime string) *engine {
		return &engine{name: "docker", runtime: runtime, command: []string{"docker"}, noProgram: 126, runOptions: []string{"--runtime=" + runtime}, clean: func(e *engine) {
			if ids := e.try("ps", "--all", "--quiet").output; ids != "" {
				e.try(append([]string{"rm", "--force", "--volumes"}, strings.Fields(ids)...)...)
			}
			e.try("volume", "prune", "--force")
		}}
	}
	must(t, answered("docker", "load", "--quiet", "--input", archive(t)))
	return with, dockerd
}

// A11: Docker with tare as a runtime of its own, and as the default.
func TestDocker(t *testing.T) {
	with := startDocker(t)
	perform(t, with, slices.Concat(commonOperations, dockerOperations))
}

var dockerOperations = []operation{
	{"health check", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--health-cmd", "test -e /tmp/well", "--health-interval=1s", image, "sleep", "600")
		e.does("exec", "c1", "touch", "/tmp/well")
		e.eventually("healthy", "inspect", "--format", "{{.State.Health.Status}}", "c1")
	}},
	{"init", func(e *engine) { e.says("1000", "run", "--rm", "--init", "--user", "1000", image, "id", "-u") }},
	{"info", func(e *engine) { e.has([]string{"Default Runtime: tare"}, "info") }},
	{"oom is told", func(e *engine) {
		e.needs("memory")
		e.try("run", "--name", "c1", "--memory=16m", "--memory-swap=16m", image, "sh", "-c", "tail -c 200m /dev/zero; true")
		e.says("true", "inspect", "--format", "{{.State.OOMKilled}}", "c1")
	}},
	{"build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+image+"\nRUN echo built >/built && mkdir -p /a/b\nWORKDIR /a/b\nUSER user\nRUN id -u >/tmp/id\n"), 0o644))
		e.does("build", "--network=none", "-t", "built", dir)
		e.says("built 1000", "run", "--rm", "built", "sh", "-c", "echo $(cat /built /tmp/id)")
	}},
	{"failing build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+image+"\nRUN exit 5\n"), 0o644))
		e.ends(5, []string{"non-zero code: 5"}, "build", "--network=none", dir)
	}},
	{"live daemon events", func(e *engine) {
		e.does("run", "--name", "c1", image, "true")
		e.has([]string{"container start", "container die", "exitCode=0"}, "events", "--since=1m", "--until=0s", "--filter", "container=c1")
	}},
}
