package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// frozenInKernel is what the kernel says about the cgroup of a container.
func (b *bundle) frozenInKernel() bool {
	b.t.Helper()
	if mount := unifiedMount(b.t); mount != "" {
		return strings.Contains(read(b.t, filepath.Join(mount, b.id, "cgroup.events")), "frozen 1")
	}
	mount, _ := controllerMount(b.t, "freezer")
	skipUnless(b.t, mount != "", "no hierarchy can freeze")
	return strings.TrimSpace(read(b.t, filepath.Join(mount, b.id, "freezer.state"))) == "FROZEN"
}

func (b *bundle) checkPaused(paused bool, status string) {
	b.t.Helper()
	wants(b.t, "status", b.state().Status, status)
	if frozen := b.frozenInKernel(); frozen != paused {
		b.t.Errorf("frozen in the kernel: %v, want %v", frozen, paused)
	}
}

// C32 J37: pause stops a running container, and resume lets it go on. Signals wait meanwhile.
func TestPause(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", trap)).create().start()
	wants(t, "output", b.printed(), "ready")
	b.try("pause").succeeds()
	b.checkPaused(true, "paused")
	if s := b.state(); s.Pid != b.pid {
		t.Errorf("pid %d, want %d", s.Pid, b.pid)
	}
	if list := run(t, "list").succeeds().stdout; !strings.Contains(list, "paused") {
		t.Errorf("list: %s", list)
	}
	b.kill("USR1")
	b.checkPaused(true, "paused")
	wants(t, "output", read(t, b.stdout), "ready\n")
	b.try("resume").succeeds()
	b.wait()
	wants(t, "output", read(t, b.stdout), "ready\nUSR1\n")
	wants(t, "status", b.state().Status, "stopped")
}

// C32: a created container can be paused as well; start says so, instead of waiting for an init that hears nothing.
func TestPauseCreated(t *testing.T) {
	b := newBundle(t).create()
	b.try("pause").succeeds()
	b.checkPaused(true, "paused")
	b.try("start").fails("cannot start a paused container")
	b.try("resume").succeeds()
	b.checkPaused(false, "created")
	b.start()
	b.checkPaused(false, "running")
}

// C32: what pause and resume refuse leaves the container as it is.
func TestPauseRefuses(t *testing.T) {
	b := newBundle(t).create().start()
	b.try("resume").fails("container not paused")
	b.checkPaused(false, "running")
	b.try("pause").succeeds()
	b.try("pause").fails("container already paused")
	b.checkPaused(true, "paused")

	stopped := newBundle(t, withArgs("true")).create().start()
	stopped.wait()
	stopped.try("pause").fails("container not running")
	stopped.try("resume").fails("container not paused")
	run(t, "pause", "tare-it-none").fails("container does not exist")
	run(t, "resume", "tare-it-none").fails("container does not exist")
}

// C32 J5: without a cgroup there is nothing to freeze.
func TestPauseWithoutCgroup(t *testing.T) {
	b := newBundle(t, withoutMount("/sys/fs/cgroup"))
	b.spec.Linux.Resources = nil
	b.createWith(invocation{args: []string{"--cgroup-manager", "disabled"}}).start()
	b.try("pause").fails("the container has no cgroup to freeze")
	checkRunning(b)
}

// C27 C18 C19 J37: a paused container is not deleted without force, and dies at once with it; so it does by kill, whichever
// freezer holds it.
func TestPausedEnds(t *testing.T) {
	paused := func(t *testing.T) *bundle {
		b := newBundle(t).create().start()
		b.try("pause").succeeds()
		return b
	}
	t.Run("delete", func(t *testing.T) {
		b := paused(t)
		b.try("delete").fails("that is not stopped: paused")
		b.checkPaused(true, "paused")
		b.try("delete", "--force").succeeds()
		b.wait()
		b.nothingLeft()
	})
	t.Run("kill", func(t *testing.T) {
		b := paused(t)
		b.kill("KILL")
		b.wait()
		wants(t, "status", b.state().Status, "stopped")
		b.try("delete").succeeds()
		b.nothingLeft()
	})
	t.Run("kill --all", func(t *testing.T) {
		b := paused(t)
		run(t, "kill", "--all", b.id, "KILL").succeeds()
		b.wait()
		b.try("delete").succeeds()
		b.nothingLeft()
	})
	t.Run("killed by somebody else", func(t *testing.T) {
		b := paused(t)
		if unifiedMount(t) == "" {
			t.Skip("the freezer of cgroup v1 holds the process until it is thawed")
		}
		must(t, syscall.Kill(b.pid, syscall.SIGKILL))
		b.wait()
		wants(t, "status", b.state().Status, "stopped")
		b.try("resume").fails("container not paused")
		b.try("delete").succeeds()
		b.nothingLeft()
	})
}

// C32: a container that stands still because of a cgroup above is paused, and resume says what it cannot help.
func TestPausedFromAbove(t *testing.T) {
	mount, file, freeze, thaw := unifiedMount(t), "cgroup.freeze", "1", "0"
	if mount == "" {
		mount, _ = controllerMount(t, "freezer")
		file, freeze, thaw = "freezer.state", "FROZEN", "THAWED"
	}
	skipUnless(t, mount != "", "no hierarchy can freeze")
	b := newBundle(t)
	above := filepath.Join(mount, b.id+".above")
	b.spec.Linux.CgroupsPath = "/" + filepath.Base(above) + "/" + b.id
	b.create().start()
	must(t, os.WriteFile(filepath.Join(above, file), []byte(freeze), 0))
	eventually(t, "the container is paused", func() bool { return b.state().Status == "paused" })
	b.try("resume").fails("a cgroup above it is frozen", above)
	must(t, os.WriteFile(filepath.Join(above, file), []byte(thaw), 0))
	eventually(t, "the container runs", func() bool { return b.state().Status == "running" })
}
