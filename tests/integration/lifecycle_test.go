package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// C1 C15 C17 C18 C24 K1 K2 K3 K5: the whole life of a container, and what state says at each point.
func TestLifecycle(t *testing.T) {
	b := newBundle(t, withShell("echo ran; sleep 600"))
	b.spec.Annotations = map[string]string{"org.example.key": "value"}
	before := time.Now().Add(-time.Second)
	b.create()
	checkState(b, "created", b.pid)
	if s := b.state(); s.Created.Before(before) || s.Created.After(time.Now()) {
		t.Errorf("created is %v", s.Created)
	}
	wants(t, "output before start", read(t, b.stdout), "")
	b.start()
	wants(t, "output", b.printed(), "ran")
	checkState(b, "running", b.pid)
	b.kill("KILL")
	eventually(t, "the container is stopped", func() bool { return b.state().Status == "stopped" })
	checkState(b, "stopped", 0) // K4: its process is a zombie still, because nobody has waited for it
	if status := b.wait(); status.Signal() != syscall.SIGKILL {
		t.Errorf("init ended with %v", status)
	}
	checkState(b, "stopped", 0)
	b.try("delete").succeeds()
	b.nothingLeft()
	b.try("state").fails("container does not exist")
}

func checkState(b *bundle, status string, pid int) {
	b.t.Helper()
	s := b.state()
	wants(b.t, "status", s.Status, status)
	if s.Pid != pid {
		b.t.Errorf("%s: pid %d, want %d", status, s.Pid, pid)
	}
	wants(b.t, "id", s.ID, b.id)
	wants(b.t, "bundle", s.Bundle, b.dir)
	wants(b.t, "rootfs", s.Rootfs, b.path())
	wants(b.t, "ociVersion", s.OCIVersion, b.spec.Version)
	wants(b.t, "owner", s.Owner, "root")
	wants(b.t, "annotation", s.Annotations["org.example.key"], "value")
}

// C2 C3: where the bundle and its config.json are.
func TestBundleAndConfig(t *testing.T) {
	b := newBundle(t, withArgs("echo", "other"))
	b.writeConfig()
	elsewhere := filepath.Join(b.dir, "elsewhere.json")
	must(t, os.Rename(filepath.Join(b.dir, "config.json"), elsewhere))
	from := func(dir string, flags ...string) result {
		return invoke(t, invocation{dir: dir, args: append(append([]string{"run"}, flags...), b.id)})
	}
	from("/", "--bundle", b.dir).fails("config.json", "no such file or directory")
	wants(t, "--config", from(b.dir, "--config", elsewhere).succeeds().stdout, "other\n")
	must(t, os.Rename(elsewhere, filepath.Join(b.dir, "config.json")))
	wants(t, "--bundle", from("/", "--bundle", b.dir).succeeds().stdout, "other\n")
	wants(t, "relative --bundle", from(filepath.Dir(b.dir), "-b", filepath.Base(b.dir)).succeeds().stdout, "other\n")
	wants(t, "working directory", from(b.dir).succeeds().stdout, "other\n")
}

// C18 C19: what delete does in each state.
func TestDelete(t *testing.T) {
	t.Run("created", func(t *testing.T) {
		b := newBundle(t).create()
		b.try("delete").succeeds() // as every runtime does, although the specification has only stopped ones deleted
		b.wait()
		b.nothingLeft()
	})
	t.Run("running", func(t *testing.T) {
		b := newBundle(t).create().start()
		b.try("delete").fails("cannot delete container " + b.id + " that is not stopped: running")
		checkRunning(b)
	})
	t.Run("running with force", func(t *testing.T) {
		b := newBundle(t).create().start()
		b.try("delete", "--force").succeeds()
		b.wait()
		b.nothingLeft()
	})
	t.Run("stopped, not reaped", func(t *testing.T) {
		b := newBundle(t, withArgs("true")).create().start()
		eventually(t, "the container is stopped", func() bool { return b.state().Status == "stopped" })
		b.try("delete").succeeds()
		b.wait()
	})
	t.Run("twice", func(t *testing.T) {
		b := newBundle(t, withArgs("true")).create().start()
		b.wait()
		b.try("delete").succeeds()
		b.try("delete").fails("container does not exist")
		b.try("delete", "--force").succeeds()
	})
}

// C19: what create leaves behind when it is killed before it has written its record.
func TestDeleteForceWithoutRecord(t *testing.T) {
	b := newBundle(t)
	must(t, os.Mkdir(filepath.Join(stateRoot(), b.id), 0o700))
	b.try("delete", "--force").succeeds()
	b.nothingLeft()
}

// C21: a process that the container's exec has left, and nobody has reaped, keeps init from ending after SIGKILL. Delete waits for
// init, as long as that takes, and no longer.
func TestDeleteWaitsForInit(t *testing.T) {
	b := newBundle(t).create().start()
	pidFile := filepath.Join(b.dir, "exec.pid")
	b.exec([]string{"--detach", "--pid-file", pidFile}, "sleep", "600").succeeds()
	executed := atoi(t, read(t, pidFile))
	inits[executed] = true // ours, so the kernel waits for us to reap it
	defer delete(inits, executed)
	early := false
	b.tryWith(invocation{whileItRuns: func(p *os.Process) {
		eventually(t, "the exec is a zombie", func() bool { return strings.Contains(read(t, "/proc/"+itoa(executed)+"/stat"), ") Z ") })
		time.Sleep(100 * time.Millisecond) // it must not have ended; longer proves no more
		early = strings.Contains(read(t, "/proc/"+itoa(p.Pid)+"/stat"), ") Z ") || !exists(filepath.Join(stateRoot(), b.id))
		_, err := syscall.Wait4(executed, nil, 0, nil)
		must(t, err)
	}}, "delete", "--force").succeeds()
	if early {
		t.Error("delete has not waited")
	}
	b.wait()
	b.nothingLeft()
}

// C22: what is not the container's stays.
func TestDeleteLeavesForeignThings(t *testing.T) {
	holder := newBundle(t).create()
	b := newBundle(t, withNamespace(specs.NetworkNamespace, "/proc/"+itoa(holder.pid)+"/ns/net")).create().start()
	network := holder.namespace("net")
	b.try("delete", "--force").succeeds()
	b.wait()
	wants(t, "network namespace", holder.namespace("net"), network)
	wants(t, "status of the other container", holder.state().Status, "created")
}

func checkRunning(b *bundle) {
	b.t.Helper()
	wants(b.t, "status", b.state().Status, "running")
}

// C15 C16: start is for created containers only, and has no effect on others.
func TestStart(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		b := newBundle(t, withShell("echo once; sleep 600")).create().start()
		b.try("start").fails("cannot start an already running container")
		checkRunning(b)
		wants(t, "output", b.printed(), "once")
	})
	t.Run("stopped", func(t *testing.T) {
		b := newBundle(t, withArgs("true")).create().start()
		b.wait()
		b.try("start").fails("cannot start a container that has stopped")
		wants(t, "status", b.state().Status, "stopped")
	})
	t.Run("init killed while it waited", func(t *testing.T) {
		b := newBundle(t).create()
		b.stop()
		b.try("start").fails("cannot start a container that has stopped")
	})
	t.Run("nonexistent", func(t *testing.T) {
		requireRoot(t)
		run(t, "start", "tare-it-none").fails("container does not exist")
	})
}

// E4: a configuration without a process can be created; start is the error.
func TestStartWithoutProcess(t *testing.T) {
	b := newBundle(t)
	b.spec.Process = nil
	b.create()
	b.try("start").fails("/process")
	wants(t, "status", b.state().Status, "created")
}

// K9: later edits of the bundle do not matter (runtime.md, "Create").
func TestConfigSnapshot(t *testing.T) {
	b := newBundle(t, withShell("echo $WHO"))
	b.spec.Process.Env = append(b.spec.Process.Env, "WHO=first")
	b.create()
	must(t, os.WriteFile(filepath.Join(b.dir, "config.json"), []byte("{"), 0o644))
	b.start()
	wants(t, "environment", b.printed(), "first")
	b.wait()
	b.try("delete").succeeds()
}

// C1: an id is taken until it is deleted, and the failure does not harm its owner.
func TestCreateDuplicate(t *testing.T) {
	b := newBundle(t).create()
	b.try("create").fails("container with given ID already exists")
	wants(t, "status", b.state().Status, "created")
	b.start()
	checkRunning(b)
}

// B14: an id is one component of a path in every verb. The state root has nothing of such a name, and nothing outside is
// touched.
func TestIDs(t *testing.T) {
	requireRoot(t)
	for _, id := range []string{"", ".", "..", "../x", "a/b", ".hidden", "a b", "ü", strings.Repeat("x", 256)} {
		for _, verb := range []string{"create", "run", "start", "state", "kill", "delete"} {
			if r := run(t, verb, id); r.status != 1 || !strings.Contains(r.stderr, "container id") {
				t.Errorf("%q: %v", id, r)
			}
		}
		if r := run(t, "delete", "--force", id); r.status != 1 {
			t.Errorf("%q: %v", id, r)
		}
	}
	b := newBundle(t, withArgs("true"))
	plain := b.id
	for _, suffix := range []string{"_", "+", "-", ".", "0", "Z"} {
		b.id = plain + suffix
		b.output()
	}
}
