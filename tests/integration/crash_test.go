package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// createWithSlowHook starts a create and returns while its hook runs, with a function that lets the hook end.
// flags come before the verb.
func createWithSlowHook(b *bundle, kind string, flags ...string) (create *exec.Cmd, release func()) {
	b.t.Helper()
	begun, end := filepath.Join(b.dir, "begun"), filepath.Join(b.dir, "end")
	slow := []specs.Hook{shellHook("touch " + begun + "; while [ ! -e " + end + " ]; do sleep 0.01; done")}
	if kind == "createRuntime" {
		b.spec.Hooks = &specs.Hooks{CreateRuntime: slow}
	} else {
		b.spec.Hooks = &specs.Hooks{CreateContainer: slow}
	}
	b.writeConfig()
	create = exec.Command(tare, append(append([]string{"--root", stateRoot()}, flags...), "create", b.id)...)
	create.Dir = b.dir
	must(b.t, create.Start())
	inits[create.Process.Pid] = true
	eventually(b.t, "the hook has begun", func() bool { return exists(begun) })
	return create, func() { must(b.t, os.WriteFile(end, nil, 0o644)) }
}

// K2 K8: while create is under way the container is creating; kill finds nothing to kill, and start waits its turn.
func TestCreating(t *testing.T) {
	b := newBundle(t)
	create, release := createWithSlowHook(b, "createRuntime")
	defer delete(inits, create.Process.Pid)
	s := b.state()
	wants(t, "status", s.Status, "creating")
	b.try("kill").fails("container not running")
	release()
	must(t, create.Wait())
	wants(t, "status", b.state().Status, "created")
	b.pid = b.state().Pid
	b.stop()
}

// K7 C19 C23: a create that is killed takes init with it; the entry is listed, and delete --force removes everything.
func TestCreateKilled(t *testing.T) {
	for _, kind := range []string{"createRuntime", "createContainer"} {
		t.Run(kind, func(t *testing.T) {
			b := newBundle(t)
			create, release := createWithSlowHook(b, kind)
			defer delete(inits, create.Process.Pid)
			must(t, create.Process.Signal(syscall.SIGKILL))
			create.Wait()
			release() // a hook of the runtime side outlives its runtime
			wants(t, "status", b.state().Status, "stopped")
			b.try("start").fails("cannot start a container that has stopped")
			b.try("create").fails("container with given ID already exists")
			b.try("kill").fails("container not running")
			b.try("delete", "--force").succeeds()
			b.nothingLeft()
		})
	}
}

// C13 C10: a foreground run that is killed leaves a running container, which can be deleted.
func TestRunKilled(t *testing.T) {
	b := newBundle(t)
	b.writeConfig()
	run := exec.Command(tare, "--root", stateRoot(), "run", b.id)
	run.Dir = b.dir
	must(t, run.Start())
	inits[run.Process.Pid] = true
	defer delete(inits, run.Process.Pid)
	eventually(t, "the container runs", func() bool {
		r := b.try("state")
		var c container
		if r.status == 0 {
			r.decode(&c)
		}
		return c.Status == "running"
	})
	b.pid = b.state().Pid
	inits[b.pid] = true
	must(t, run.Process.Signal(syscall.SIGKILL))
	run.Wait()
	checkRunning(b)
	b.try("delete", "--force").succeeds()
	b.wait()
	b.nothingLeft()
}
