package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// freezerDir is the container's cgroup in the hierarchy that freezes, with what to write into it.
func (b *bundle) freezerDir() (dir, file, frozen string) {
	b.t.Helper()
	if mount := unifiedMount(b.t); mount != "" {
		return filepath.Join(mount, b.id), "cgroup.freeze", "1"
	}
	mount, _ := controllerMount(b.t, "freezer")
	skipUnless(b.t, mount != "", "no hierarchy can freeze")
	return filepath.Join(mount, b.id), "freezer.state", "FROZEN"
}

// members are the processes in a cgroup.
func members(t *testing.T, dir string) []string {
	t.Helper()
	return strings.Fields(read(t, filepath.Join(dir, "cgroup.procs")))
}

// C26 C27 J38: a container whose processes are in cgroups below its own, frozen there, by itself or by somebody else, ends by
// kill and by delete, with a pid namespace of its own and without one.
func TestNestedFrozen(t *testing.T) {
	for _, test := range []struct {
		name  string
		share bool
		all   bool // init is below as well
		end   func(b *bundle)
	}{
		{"delete", false, true, func(b *bundle) { b.try("delete", "--force").succeeds() }},
		{"delete, one child", false, false, func(b *bundle) { b.try("delete", "--force").succeeds() }},
		{"delete, shared", true, true, func(b *bundle) { b.try("delete", "--force").succeeds() }},
		{"kill", false, true, func(b *bundle) { b.kill("KILL") }},
		{"kill, shared", true, false, func(b *bundle) { b.kill("KILL") }},
		{"kill --all", true, true, func(b *bundle) { run(b.t, "kill", "--all", b.id, "9").succeeds() }},
		{"pause, then delete", false, false, func(b *bundle) {
			b.try("pause").succeeds()
			b.try("delete", "--force").succeeds()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", "sleep 600 & echo up; wait"))
			if test.share {
				withoutNamespace(specs.PIDNamespace)(b.spec)
			}
			b.create().start()
			wants(t, "output", b.printed(), "up")
			dir, file, frozen := b.freezerDir()
			sub := filepath.Join(dir, "a", "b")
			must(t, os.MkdirAll(sub, 0o755))
			var child int
			for _, pid := range members(t, dir) {
				if pid != itoa(b.pid) {
					child = atoi(t, pid)
				} else if !test.all {
					continue
				}
				must(t, os.WriteFile(filepath.Join(sub, "cgroup.procs"), []byte(pid), 0))
			}
			must(t, os.WriteFile(filepath.Join(sub, file), []byte(frozen), 0))
			test.end(b)
			inits[child] = true // it may become ours
			b.wait()
			b.try("delete", "--force").succeeds()
			eventually(t, "the child has ended", func() bool {
				syscall.Wait4(child, nil, syscall.WNOHANG, nil)
				return !exists("/proc/" + itoa(child))
			})
			delete(inits, child)
			b.nothingLeft()
		})
	}
}

// J38: init is a zombie for as long as its parent likes. That keeps neither the container's cgroup nor those below it.
func TestDeleteBesideZombie(t *testing.T) {
	b := newBundle(t).create().start()
	for _, mount := range cgroupMounts(t) {
		must(t, os.MkdirAll(filepath.Join(mount, b.id, "x", "y"), 0o755))
	}
	b.kill("KILL")
	eventually(t, "init is a zombie", func() bool {
		stat := read(t, "/proc/"+itoa(b.pid)+"/stat")
		return strings.Contains(stat, ") Z ")
	})
	begin := time.Now()
	b.try("delete").succeeds()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("delete has waited %v for a process that is dead", took)
	}
	b.wait()
	b.nothingLeft()
}

// C19 C22: a process of the host that somebody has put into the container's cgroup goes with a forced delete.
func TestForcedDeleteEmptiesCgroup(t *testing.T) {
	b := newBundle(t).create().start()
	guest, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{})
	must(t, err)
	inits[guest.Pid] = true
	defer delete(inits, guest.Pid)
	for _, mount := range cgroupMounts(t) {
		must(t, os.WriteFile(filepath.Join(mount, b.id, "cgroup.procs"), []byte(itoa(guest.Pid)), 0))
	}
	b.kill("KILL") // of init alone, and of what is in its pid namespace
	b.wait()
	if pid, err := syscall.Wait4(guest.Pid, nil, syscall.WNOHANG, nil); pid != 0 {
		t.Fatalf("kill has ended the process of somebody else: %d, %v", pid, err)
	}
	b.try("delete", "--force").succeeds()
	state, err := guest.Wait()
	must(t, err)
	if status := state.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v", state)
	}
	b.nothingLeft()
}

// C25 J5: without a cgroup, --all means the pid namespace, and where that is shared it is refused.
func TestKillAllWithoutCgroup(t *testing.T) {
	disabled := invocation{args: []string{"--cgroup-manager", "disabled"}}
	script := "trap 'echo init; wait; exit' USR1; (trap 'echo child; exit' USR1; echo ready; while :; do sleep 0.01; done) & wait; wait"
	b := newBundle(t, withoutMount("/sys/fs/cgroup"), withArgs("sh", "-c", script))
	b.spec.Linux.Resources = nil
	b.createWith(disabled).start()
	b.printed()
	eventually(t, "init has ended", func() bool {
		run(t, "kill", "--all", b.id, "USR1").succeeds()
		return b.state().Status == "stopped"
	})
	b.wait()
	for _, who := range []string{"init", "child"} {
		if out := read(t, b.stdout); !strings.Contains(out, who) {
			t.Errorf("output %q: the signal has not reached %s", out, who)
		}
	}
	run(t, "kill", "--all", b.id, "TERM").succeeds()

	shared := newBundle(t, withoutMount("/sys/fs/cgroup"), withoutNamespace(specs.PIDNamespace))
	shared.spec.Linux.Resources = nil
	shared.createWith(disabled).start()
	run(t, "kill", "--all", shared.id, "TERM").fails("neither a cgroup nor a pid namespace")
	checkRunning(shared)
}

// C20: kill and delete of all containers whose id a regular expression matches.
func TestRegex(t *testing.T) {
	var bundles []*bundle
	for range 3 {
		bundles = append(bundles, newBundle(t, withArgs("sh", "-c", trap)).create())
	}
	first, second, third := bundles[0], bundles[1], bundles[2]
	first.start()
	second.start()
	first.printed()
	second.printed()
	either := "^(" + first.id + "|" + second.id + ")$"
	run(t, "kill", "--regex", either, "USR1").succeeds()
	first.wait()
	second.wait()
	wants(t, "output", read(t, first.stdout)+read(t, second.stdout), "ready\nUSR1\nready\nUSR1\n")
	wants(t, "status of the third", third.state().Status, "created")
	run(t, "kill", "-r", either).succeeds() // nothing runs any more
	third.start()
	third.printed()
	r := run(t, "delete", "--regex", "^tare-it-"+itoa(os.Getpid())+"-").fails("delete "+third.id, "that is not stopped: running")
	if strings.Contains(r.stderr, first.id) {
		t.Errorf("%v", r)
	}
	ids := strings.Fields(run(t, "list", "--quiet").succeeds().stdout)
	if slices.Contains(ids, first.id) || slices.Contains(ids, second.id) || !slices.Contains(ids, third.id) {
		t.Errorf("left: %q", ids)
	}
	run(t, "delete", "--force", "--regex", "^"+third.id+"$").succeeds()
	third.wait()
	run(t, "delete", "--regex", "no such id").succeeds()
	run(t, "kill", "--regex", "a(b").fails(`kill: regular expression "a(b": missing closing )`)
}
