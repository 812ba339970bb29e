package engines

import (
	"path/filepath"
	"strings"
	"testing"
)

// A8 A11: Docker's client on Podman's service, which answers as a dockerd does. The service takes the runtime of its
// configuration, which is tare.
func TestDockerClientOnPodman(t *testing.T) {
	requireEngine(t, "docker")
	podman := podman(t)
	socket := "unix://" + filepath.Join(workspace, "podman.socket")
	daemon(t, func() error { return answered("docker", "--host", socket, "version") }, "podman", "--runtime", "tare", "system", "service", "--time=0", socket)
	e := podman("tare")
	clean := e.clean
	client := &engine{name: "docker on podman", runtime: "tare", command: []string{"docker", "--host", socket}, clean: func(*engine) { clean(e) }}
	for i := range overAPI {
		o := &overAPI[i]
		t.Run(strings.ReplaceAll(o.name, " ", "_"), func(t *testing.T) { perhaps(t, client, o.do) })
	}
}

// overAPI sets no limit on processes: the client then says 0, and Podman passes that on (J28).
var overAPI = []operation{
	{"run, logs, wait", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--network=none", image, "sh", "-c", "echo out; exit 42")
		e.says("42", "wait", "c1")
		e.says("out", "logs", "c1")
	}},
	{"exec, stop", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--network=none", image, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
		e.eventually("ready", "logs", "c1")
		e.says("0", "exec", "c1", "id", "-u")
		e.does("stop", "-t=30", "c1")
		e.says("7", "inspect", "--format", "{{.State.ExitCode}}", "c1")
	}},
	{"pause, kill", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--network=none", image, "sleep", "600")
		e.does("pause", "c1")
		e.says("paused", "inspect", "--format", "{{.State.Status}}", "c1")
		e.does("unpause", "c1")
		e.does("kill", "c1")
		e.says("137", "wait", "c1")
	}},
}
