package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// B13 C10: run ends with the status of the program, 128+N where a signal ended it, and leaves nothing.
func TestRunStatus(t *testing.T) {
	for _, test := range []struct {
		script string
		status int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"exit 255", 255},
		{"kill -KILL $$; sleep 600", 137}, // has no effect on process 1 from inside; see below
		{"kill -TERM $$; sleep 600", 143},
	} {
		t.Run(test.script, func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", test.script))
			if strings.HasPrefix(test.script, "kill") {
				withoutNamespace("pid")(b.spec) // the kernel protects process 1 of a pid namespace from itself
			}
			if r := b.try("run"); r.status != test.status {
				t.Errorf("%v, want status %d", r, test.status)
			}
			b.nothingLeft()
		})
	}
}

// C10: what the program writes passes through, and so does its input.
func TestRunStreams(t *testing.T) {
	b := newBundle(t, withShell("cat; echo error >&2"))
	input := create(t, filepath.Join(t.TempDir(), "input"))
	defer input.Close()
	_, err := input.WriteString("through\n")
	must(t, err)
	_, err = input.Seek(0, 0)
	must(t, err)
	r := b.tryWith(invocation{stdin: input}, "run").succeeds()
	wants(t, "stdout", r.stdout, "through\n")
	wants(t, "stderr", r.stderr, "error\n")
}

// C11: --detach returns when the program runs; the rest is the caller's.
func TestRunDetached(t *testing.T) {
	b := newBundle(t)
	pidFile := filepath.Join(b.dir, "pid")
	b.try("run", "--detach", "--pid-file", pidFile).succeeds()
	b.pid = atoi(t, read(t, pidFile))
	inits[b.pid] = true
	checkRunning(b)
	b.stop()
	b.try("delete").succeeds()
}

// C11: --keep leaves a stopped container to be inspected and deleted.
func TestRunKeep(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "exit 3"))
	if r := b.try("run", "--keep"); r.status != 3 {
		t.Errorf("%v, want status 3", r)
	}
	wants(t, "status", b.state().Status, "stopped")
	b.try("delete").succeeds()
	b.nothingLeft()
}

// C10: a run that cannot start its program leaves nothing either.
func TestRunFails(t *testing.T) {
	for _, flag := range []string{"--keep", "--detach", "--no-subreaper"} {
		b := newBundle(t, withArgs("nosuch"))
		b.try("run", flag).fails("executable file not found in $PATH")
		b.nothingLeft()
	}
}

// C12: orphans of a container that shares the pid namespace become children of run, which reaps them; with --no-subreaper
// they become ours.
func TestRunSubreaper(t *testing.T) {
	script := withArgs("sh", "-c", "(sh -c 'sleep 0.01; exec true' &) ; grep -h PPid: /proc/[0-9]*/status >/dev/null; exit 4")
	for _, flags := range [][]string{nil, {"--no-subreaper"}} {
		b := newBundle(t, script, withoutNamespace("pid"))
		if r := b.try("run", flags...); r.status != 4 {
			t.Errorf("%v, want status 4", r)
		}
	}
}

// C13: signals that run receives reach the program.
func TestRunForwardsSignals(t *testing.T) {
	ready := "trap 'echo got %; exit 5' %; echo ready >/shared/ready; while :; do sleep 0.01; done"
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH, 40} {
		t.Run(strconv.Itoa(int(signal)), func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", strings.ReplaceAll(ready, "%", strconv.Itoa(int(signal)))))
			shared := b.directory("shared")
			withBind(shared, "/shared")(b.spec)
			r := b.tryWith(invocation{whileItRuns: func(p *os.Process) {
				eventually(t, "the trap is set", func() bool { return exists(filepath.Join(shared, "ready")) })
				must(t, p.Signal(signal))
			}}, "run")
			if r.status != 5 || r.stdout != "got "+strconv.Itoa(int(signal))+"\n" {
				t.Errorf("%v, want status 5", r)
			}
		})
	}
}

// C6: the pid file is the bare number, as go-runc reads it, and appears only when create has succeeded.
func TestPidFile(t *testing.T) {
	b := newBundle(t).create()
	wants(t, "pid file", read(t, filepath.Join(b.dir, "pid")), itoa(b.state().Pid))
	for _, name := range names(t, b.dir) {
		if strings.Contains(name, "pid") && name != "pid" {
			t.Errorf("a temporary file is left: %s", name)
		}
	}
	failing := newBundle(t, withArgs("nosuch"))
	path := filepath.Join(failing.dir, "pid")
	failing.try("create", "--pid-file", path).fails("executable file not found")
	if exists(path) {
		t.Error("a failed create has written a pid file")
	}
}

// C6: a pid file that cannot be written fails create, which then leaves nothing.
func TestPidFileFails(t *testing.T) {
	b := newBundle(t)
	b.try("create", "--pid-file", "/nonexistent/pid").fails("/nonexistent", "no such file or directory")
	b.nothingLeft()
}
