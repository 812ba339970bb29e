package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A10: Buildah, which shares Podman's storage and image.
func TestBuildah(t *testing.T) {
	requireEngine(t, "buildah")
	podman(t)
	perform(t, func(runtime string) *engine {
		path := tare
		if runtime != "tare" {
			path, _ = exec.LookPath(runtime)
		}
		return &engine{
			name: "buildah", runtime: runtime, command: []string{"buildah"},
			runOptions: []string{"--runtime=" + path, "--isolation=oci", "--network=none"},
			clean:      func(e *engine) { e.try("rm", "--all") },
		}
	}, buildahOperations)
}

// working makes a working container and returns its name.
func (e *engine) working() string {
	lines := strings.Split(e.does("from", "--pull-never", image), "\n")
	return lines[len(lines)-1]
}

var buildahOperations = []operation{
	{"run", func(e *engine) { e.says("hello", "run", e.working(), "echo", "hello") }},
	{"exit status", func(e *engine) { e.ends(7, nil, "run", e.working(), "sh", "-c", "exit 7") }},
	{"changes stay", func(e *engine) {
		name := e.working()
		e.does("run", name, "sh", "-c", "echo kept >/kept")
		e.says("kept", "run", name, "cat", "/kept")
	}},
	{"user and volume", func(e *engine) {
		name, dir := e.working(), filepath.Dir(e.file("data", "content"))
		e.says("1000", "run", "--user=user", name, "id", "-u")
		e.says("content", "run", "--volume="+dir+":/data:ro", name, "cat", "/data/data")
	}},
	{"terminal", func(e *engine) {
		if out := e.terminal("tty; exit 0\n", "run", "--terminal", e.working(), "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
	}},
	{"no such program", func(e *engine) {
		if r := e.try("run", e.working(), "nosuch"); r.status == 0 || !strings.Contains(r.output, "executable file") {
			e.fail("%+v", r)
		}
	}},
	{"build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Containerfile"), []byte("FROM "+image+"\nRUN echo built >/built\nRUN cat /built && test $(id -u) = 0\n"), 0o644))
		e.has([]string{"built"}, append([]string{"bud", "--pull-never"}, append(e.runOptions, dir)...)...)
	}},
}
