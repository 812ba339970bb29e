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

// trap is a program that says which signal has ended it.
const trap = "for s in TERM USR1 HUP 34 37 64; do trap \"echo $s; exit\" $s; done; echo ready; while :; do sleep 0.01; done"

// C24: signals by number and by name, in the forms that people and engines write; TERM without one.
func TestKillSignals(t *testing.T) {
	for _, test := range []struct{ signal, want string }{
		{"", "TERM"},
		{"15", "TERM"},
		{"USR1", "USR1"},
		{"sigusr1", "USR1"},
		{"SIGHUP", "HUP"},
		{"RTMIN", "34"},
		{"SIGRTMIN+3", "37"},
		{"rtmax", "64"},
	} {
		t.Run("signal "+test.signal, func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", trap)).create().start()
			wants(t, "output", b.printed(), "ready")
			if test.signal == "" {
				b.try("kill").succeeds()
			} else {
				b.kill(test.signal)
			}
			b.wait()
			wants(t, "output", read(t, b.stdout), "ready\n"+test.want+"\n")
		})
	}
}

// C24: kill of a created container ends it, by the signals that engines use; others wait for the program.
func TestKillCreated(t *testing.T) {
	for _, signal := range []string{"KILL", "TERM"} {
		b := newBundle(t).create()
		b.kill(signal)
		b.wait()
		wants(t, "status after "+signal, b.state().Status, "stopped")
	}
}

// C24 A3: what kill refuses, and in which words.
func TestKillRefuses(t *testing.T) {
	stopped := newBundle(t, withArgs("true")).create().start()
	stopped.wait()
	kill := func(args ...string) result {
		t.Helper()
		return run(t, append([]string{"kill"}, args...)...)
	}
	kill(stopped.id, "KILL").fails("container not running")
	kill(stopped.id).fails("container not running")
	kill("--all", stopped.id, "KILL").succeeds()
	kill("tare-it-none", "KILL").fails("container does not exist")
	kill("--all", "tare-it-none").fails("container does not exist")

	running := newBundle(t).create().start()
	for _, signal := range []string{"NOSUCH", "SIG", "-1", "65", "1x", "RTMIN+99", ""} {
		kill(running.id, signal).fails()
	}
	kill(running.id, "NOSUCH").fails(`unknown signal "NOSUCH"`)
	kill(running.id, "0").succeeds()
	checkRunning(running)
}

// C26 C25: in a shared pid namespace the death of init ends nobody else, so KILL goes to all processes of the cgroup, and
// --all reaches them when init is gone.
func TestKillSharedPidNamespace(t *testing.T) {
	shared := func(t *testing.T) (*bundle, int) {
		b := newBundle(t, withArgs("sh", "-c", "sleep 600 & echo $!; exec sleep 600"), withoutNamespace(specs.PIDNamespace)).create().start()
		other := atoi(t, b.printed())
		inits[other] = true // it becomes our child with the death of its parent
		return b, other
	}
	ended := func(t *testing.T, pid int) {
		t.Helper()
		eventually(t, "the other process has ended", func() bool {
			reaped, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			return reaped == pid
		})
		delete(inits, pid)
	}
	t.Run("KILL", func(t *testing.T) {
		b, other := shared(t)
		b.kill("KILL")
		b.wait()
		ended(t, other)
		b.try("delete").succeeds()
	})
	t.Run("init alone, then --all", func(t *testing.T) {
		b, other := shared(t)
		b.kill("TERM")
		b.wait()
		if !exists("/proc/" + itoa(other)) {
			t.Fatal("TERM has reached the other process")
		}
		run(t, "kill", b.id, "KILL").fails("container not running")
		if !exists("/proc/"+itoa(other)) || strings.Contains(read(t, "/proc/"+itoa(other)+"/stat"), ") Z ") {
			t.Fatal("KILL of a stopped container has reached the other process")
		}
		run(t, "kill", "--all", b.id, "KILL").succeeds()
		ended(t, other)
		b.try("delete").succeeds()
	})
	t.Run("init alone, then delete", func(t *testing.T) {
		b, other := shared(t)
		b.kill("TERM")
		b.wait()
		b.try("delete").succeeds()
		ended(t, other)
		b.nothingLeft()
	})
}

// C25: --all of a running container.
func TestKillAll(t *testing.T) {
	script := "(trap 'echo child; exit' USR1; echo set; while :; do sleep 0.01; done) & trap 'echo init; wait; exit' USR1; echo ready; wait; wait"
	b := newBundle(t, withArgs("sh", "-c", script)).create().start()
	eventually(t, "both have set their traps", func() bool {
		out := read(t, b.stdout)
		return strings.Contains(out, "set\n") && strings.Contains(out, "ready\n")
	})
	run(t, "kill", "--all", b.id, "USR1").succeeds()
	b.wait()
	for _, who := range []string{"init", "child"} {
		if out := read(t, b.stdout); !strings.Contains(out, who) {
			t.Errorf("output %q: the signal has not reached %s", out, who)
		}
	}
}

// C28: the pid of a stopped container may be somebody else's by now; start time decides, and nobody else is killed.
func TestKillReusedPid(t *testing.T) {
	b := newBundle(t, withArgs("true")).create().start()
	b.wait()
	time.Sleep(20 * time.Millisecond) // start times are in ticks of 10 ms, and these two must differ
	bystander, err := os.StartProcess("/bin/sleep", []string{"sleep", "600"}, &os.ProcAttr{})
	must(t, err)
	defer func() {
		must(t, bystander.Kill())
		bystander.Wait()
	}()
	inits[bystander.Pid] = true
	defer delete(inits, bystander.Pid)
	record := filepath.Join(stateRoot(), b.id, "state.json")
	text := strings.ReplaceAll(read(t, record), itoa(b.pid), itoa(bystander.Pid))
	must(t, os.WriteFile(record, []byte(text), 0o600))
	run(t, "kill", b.id, "KILL").fails("container not running")
	wants(t, "status", b.state().Status, "stopped")
	b.try("delete", "--force").succeeds()
	must(t, bystander.Signal(syscall.Signal(0)))
}
