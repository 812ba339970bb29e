package integration

import (
	"os/exec"
	"strings"
	"testing"
)

// together runs one command line several times at once and returns how many succeeded; the others must fail with one of the
// messages.
func together(t *testing.T, n int, messages []string, dir string, args ...string) (succeeded int) {
	t.Helper()
	commands := make([]*exec.Cmd, n)
	errors := make([]strings.Builder, n)
	for i := range commands {
		commands[i] = exec.Command(tare, append([]string{"--root", stateRoot()}, args...)...)
		commands[i].Dir, commands[i].Stderr = dir, &errors[i]
		must(t, commands[i].Start())
	}
	for i, c := range commands {
		if c.Wait() == nil {
			succeeded++
			continue
		}
		known := false
		for _, m := range messages {
			known = known || strings.Contains(errors[i].String(), m)
		}
		if !known {
			t.Errorf("tare %s: %s", strings.Join(args, " "), errors[i].String())
		}
	}
	return succeeded
}

// K8: verbs on one id at the same time take turns: one start wins, one delete; and a forced delete is content with what
// another one has done.
func TestConcurrentVerbs(t *testing.T) {
	b := newBundle(t)
	wantOne := func(verb string, n int) {
		t.Helper()
		if n != 1 {
			t.Errorf("%d of 4 concurrent %s succeeded, want 1", n, verb)
		}
	}
	b.create()
	if n := together(t, 4, []string{"already exists"}, b.dir, "create", b.id); n != 0 {
		t.Errorf("%d creates of an id in use succeeded", n)
	}
	wantOne("start", together(t, 4, []string{"already running"}, "/", "start", b.id))
	checkRunning(b)
	b.stop()
	wantOne("delete", together(t, 4, []string{"does not exist"}, "/", "delete", b.id))
	b.nothingLeft()
	if n := together(t, 4, nil, "/", "delete", "--force", b.id); n != 4 {
		t.Errorf("%d of 4 concurrent delete --force of nothing succeeded", n)
	}
}

// K8: a forced delete meets another one, and a kill, of a running container.
func TestConcurrentForce(t *testing.T) {
	b := newBundle(t).create().start()
	if n := together(t, 4, nil, "/", "delete", "--force", b.id); n != 4 {
		t.Errorf("%d of 4 concurrent delete --force succeeded", n)
	}
	b.wait()
	b.nothingLeft()
}

// K8: of several runs with one id one gets it, or each gets it after the other.
func TestConcurrentRun(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	b.writeConfig()
	if n := together(t, 6, []string{"already exists"}, b.dir, "run", b.id); n < 1 {
		t.Error("none of 6 concurrent runs succeeded")
	}
	b.nothingLeft()
}
