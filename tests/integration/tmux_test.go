package integration

import (
	"os/exec"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// tmux runs one command of a server of its own.
func tmux(t *testing.T, socket string, args ...string) string {
	t.Helper()
	out, err := exec.Command("tmux", append([]string{"-f", "/dev/null", "-S", socket}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// Q1 Q2 C13 C14: run and exec in a terminal that people use: keys, the interrupt key, a change of its size, and the screen as
// it was when the program has ended.
func TestInTmux(t *testing.T) {
	_, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is missing (tests/deps test installs it)") // the machines have no terminal to sit at
	}
	b := newBundle(t, withProcess(withTerminal), withArgs("sh"), func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, "PS1=box> ") })
	b.writeConfig()
	socket := b.dir + "/tmux"
	tmux(t, socket, "new-session", "-d", "-x", "90", "-y", "30", "env PS1='host> ' /bin/sh")
	t.Cleanup(func() { exec.Command("tmux", "-S", socket, "kill-server").Run() })
	screen := func() string { return tmux(t, socket, "capture-pane", "-p") }
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(screen())
		}
	})
	shows := func(what string) {
		t.Helper()
		eventually(t, "the screen shows "+what, func() bool { return strings.Contains(tmux(t, socket, "capture-pane", "-p"), what) })
	}
	keys := func(keys ...string) { t.Helper(); tmux(t, socket, append([]string{"send-keys"}, keys...)...) }
	shows("host>")
	keys("cd "+b.dir+"; "+tare+" --root "+stateRoot()+" run "+b.id+"; echo it''was $?, $(stty -a | grep -c ' echo ')", "Enter")
	shows("box>")
	keys("stty size", "Enter")
	shows("30 90")
	tmux(t, socket, "resize-window", "-x", "77", "-y", "22")
	eventually(t, "the size has arrived", func() bool {
		keys("stty size", "Enter")
		return strings.Contains(tmux(t, socket, "capture-pane", "-p"), "22 77")
	})
	keys(`sh -c "echo slee''ping; exec sleep 1000"`, "Enter") // it is in the foreground when it prints
	shows("sleeping")
	keys("C-c")
	keys("echo status $?", "Enter")
	shows("status 130")
	wants(t, "exec beside it", b.execs("echo ok"), "ok")
	keys("exit 5", "Enter")
	shows("itwas 5, 1")
}
