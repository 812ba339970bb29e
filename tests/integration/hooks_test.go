package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// hookLog is a file to which hooks append their name and the state that they read, on one line.
type hookLog struct {
	b    *bundle
	path string
}

type hookCall struct {
	name  string
	state specs.State
}

// newHookLog sets one hook of each kind that logs its call. The root filesystem holds the log, so that the hooks that run
// inside the container reach it as well.
func newHookLog(b *bundle) *hookLog {
	l := &hookLog{b, b.path("log")}
	b.spec.Hooks = &specs.Hooks{
		Prestart:        []specs.Hook{l.hook("prestart")}, //nolint:staticcheck // deprecated, and MUST still be called
		CreateRuntime:   []specs.Hook{l.hook("createRuntime")},
		CreateContainer: []specs.Hook{l.hook("createContainer")},
		StartContainer:  []specs.Hook{l.hook("startContainer")},
		Poststart:       []specs.Hook{l.hook("poststart")},
		Poststop:        []specs.Hook{l.hook("poststop")},
	}
	return l
}

// hook logs a call; inside the container the path of the log is another one.
func (l *hookLog) hook(name string) specs.Hook {
	path := l.path
	if strings.HasPrefix(name, "startContainer") {
		path = "/log"
	}
	return shellHook("read -r state; echo \"" + name + " $state\" >>" + path)
}

func shellHook(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func (l *hookLog) calls() (calls []hookCall) {
	l.b.t.Helper()
	if !exists(l.path) {
		return nil
	}
	for line := range strings.Lines(read(l.b.t, l.path)) {
		name, state, _ := strings.Cut(line, " ")
		c := hookCall{name: name}
		if err := json.Unmarshal([]byte(state), &c.state); err != nil {
			l.b.t.Errorf("state of %s: %v: %s", name, err, state)
		}
		calls = append(calls, c)
	}
	return calls
}

func (l *hookLog) names() string {
	var names []string
	for _, c := range l.calls() {
		names = append(names, c.name)
	}
	return strings.Join(names, " ")
}

// P1 P2 P3 P4 P5 P8: all six kinds, at their time, in their order, with the right state on stdin.
func TestHooks(t *testing.T) {
	b := newBundle(t)
	b.spec.Annotations = map[string]string{"org.example.key": "value"}
	l := newHookLog(b)
	b.create()
	wants(t, "after create", l.names(), "prestart createRuntime createContainer")
	b.start()
	wants(t, "after start", l.names(), "prestart createRuntime createContainer startContainer poststart")
	b.stop()
	b.try("delete").succeeds()
	calls := l.calls()
	wants(t, "after delete", l.names(), "prestart createRuntime createContainer startContainer poststart poststop")
	for i, want := range []struct {
		status specs.ContainerState
		pid    int
	}{
		{specs.StateCreating, b.pid}, {specs.StateCreating, b.pid}, {specs.StateCreating, 1},
		{specs.StateCreated, 1}, {specs.StateRunning, b.pid}, {specs.StateStopped, 0},
	} {
		s := calls[i].state
		if s.Status != want.status || s.Pid != want.pid || s.ID != b.id || s.Bundle != b.dir || s.Version != b.spec.Version || s.Annotations["org.example.key"] != "value" {
			t.Errorf("%s: state %+v, want %+v", calls[i].name, s, want)
		}
	}
}

// P1 P2 P3: in which namespaces and on which root each kind runs, and when: before or after the root is entered.
func TestHookNamespaces(t *testing.T) {
	b := newBundle(t)
	log := b.path("log")
	report := func(kind, path string) []specs.Hook {
		return []specs.Hook{shellHook("echo " + kind + " $(readlink /proc/self/ns/uts) $(cat /marker 2>/dev/null || echo host) >>" + path)}
	}
	b.file("marker", "container\n")
	b.spec.Hooks = &specs.Hooks{
		CreateRuntime:   report("createRuntime", log),
		CreateContainer: report("createContainer", log),
		StartContainer:  report("startContainer", "/log"),
		Poststart:       report("poststart", log),
	}
	b.create()
	inside, outside := b.namespace("uts"), readlink(t, "/proc/self/ns/uts")
	b.start()
	wants(t, "report", read(t, log), strings.Join([]string{
		"createRuntime " + outside + " host",
		"createContainer " + inside + " host",
		"startContainer " + inside + " container",
		"poststart " + outside + " host\n",
	}, "\n"))
}

// P1: the container's network namespace exists when createRuntime runs, where engines configure it.
func TestHookSeesNamespaces(t *testing.T) {
	b := newBundle(t)
	log := filepath.Join(b.dir, "log")
	script := `read -r state; pid=${state#*\"pid\":}; pid=${pid%%[,\}]*}; readlink /proc/$pid/ns/net >` + log
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{shellHook(script)}}
	b.create()
	wants(t, "network namespace", strings.TrimSpace(read(t, log)), b.namespace("net"))
}

// P6 P9: arguments and environment are the hook's own, argv[0] included, nothing is inherited, and no descriptor but three
// is open.
func TestHookEnvironment(t *testing.T) {
	b := newBundle(t)
	outside, inside := filepath.Join(b.dir, "log"), "/log"
	probe := func(log string) []specs.Hook {
		script := "exec >" + log + "; echo $0; cat /proc/self/environ | tr '\\0' '\\n' | grep -v -e ^PWD -e ^SHLVL | sort; ls /proc/self/fd"
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"zero/sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin", "A=1"}}}
	}
	b.spec.Hooks = &specs.Hooks{CreateContainer: probe(outside), StartContainer: probe(inside)}
	i := invocation{env: []string{"SECRET=1"}, extra: extraFiles(t, 3, 9)}
	b.createWith(i).start()
	const want = "zero/sh\nA=1\nPATH=/bin:/usr/bin\n0\n1\n2\n3\n" // 3 is the directory that ls reads
	wants(t, "createContainer", read(t, outside), want)
	wants(t, "startContainer", read(t, b.path(inside)), want)
}

// P9: hooks of one kind run in the listed order, and the first failure is the last one that runs.
func TestHookOrder(t *testing.T) {
	b := newBundle(t)
	l := newHookLog(b)
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{l.hook("first"), l.hook("second"), shellHook("exit 3"), l.hook("never")}}
	b.try("create").fails("/hooks/createRuntime/2", "exit status 3")
	wants(t, "calls", l.names(), "first second")
	b.nothingLeft()
}

// P1 P2 P10 P11: a hook that fails during create fails it; the error has what it wrote, nothing is left, and the poststop
// hooks run.
func TestCreateHookFails(t *testing.T) {
	for _, kind := range []string{"prestart", "createRuntime", "createContainer"} {
		t.Run(kind, func(t *testing.T) {
			b := newBundle(t)
			l := newHookLog(b)
			failing := []specs.Hook{shellHook("echo out; echo why >&2; exit 1")}
			switch kind {
			case "prestart":
				b.spec.Hooks.Prestart = failing //nolint:staticcheck // as above
			case "createRuntime":
				b.spec.Hooks.CreateRuntime = failing
			case "createContainer":
				b.spec.Hooks.CreateContainer = failing
			}
			b.try("create").fails("/hooks/"+kind+"/0", "exit status 1", "why")
			b.nothingLeft()
			if !strings.HasSuffix(l.names(), "poststop") {
				t.Errorf("calls %q: poststop is not the last one", l.names())
			}
			if strings.Contains(l.names(), "startContainer") {
				t.Errorf("calls %q: startContainer has run", l.names())
			}
		})
	}
}

// P3 P10 C15: a startContainer hook that fails fails start; the program never runs, and the container ends (runtime.md,
// "Lifecycle", step 7).
func TestStartContainerHookFails(t *testing.T) {
	b := newBundle(t, withShell("echo ran"))
	l := newHookLog(b)
	b.spec.Hooks.StartContainer = []specs.Hook{shellHook("echo why; exit 4")}
	b.create()
	b.try("start").fails("/hooks/startContainer/0", "exit status 4", "why")
	b.wait()
	wants(t, "output", read(t, b.stdout), "")
	run(t, "delete", "--force", b.id).succeeds()
	b.nothingLeft()
	if strings.Count(l.names(), "poststop") != 1 || strings.Contains(l.names(), "poststart") {
		t.Errorf("calls %q", l.names())
	}
}

// P4: a poststart hook that fails fails start, stops the container and removes it, and poststop runs (runtime.md,
// "Lifecycle", step 9).
func TestPoststartHookFails(t *testing.T) {
	b := newBundle(t)
	l := newHookLog(b)
	b.spec.Hooks.Poststart = []specs.Hook{shellHook("echo why; exit 5")}
	b.create()
	b.try("start").fails("/hooks/poststart/0", "exit status 5", "why")
	b.wait()
	b.nothingLeft()
	wants(t, "calls", l.names(), "prestart createRuntime createContainer startContainer poststop")
}

// C15 C16: an init that dies between start and its program is an error of start, although its end of the wire closes as by execve.
func TestInitDiesInStart(t *testing.T) {
	b := newBundle(t, withoutNamespace(specs.PIDNamespace)) // process 1 of one takes no signal from there
	b.spec.Hooks = &specs.Hooks{StartContainer: []specs.Hook{shellHook("kill -KILL $PPID")}}
	b.create()
	b.try("start").fails("died before it could execute the program")
	b.wait()
	wants(t, "status", b.state().Status, "stopped")
}

// P5: a poststop hook that fails is a warning; the others run, and delete succeeds.
func TestPoststopHookFails(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	l := newHookLog(b)
	b.spec.Hooks = &specs.Hooks{Poststop: []specs.Hook{shellHook("echo why; exit 6"), l.hook("second")}}
	b.create().start()
	b.wait()
	r := b.try("delete").succeeds()
	if !strings.Contains(r.stderr, "level=warning") || !strings.Contains(r.stderr, "exit status 6") {
		t.Errorf("%v: no warning", r)
	}
	wants(t, "calls", l.names(), "second")
	b.nothingLeft()
}

// P5: a delete that was killed by its own poststop hook is done again, and the hook is not.
func TestPoststopRunsOnce(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	calls := filepath.Join(b.dir, "calls")
	b.spec.Hooks = &specs.Hooks{Poststop: []specs.Hook{shellHook("echo called >>" + calls + "; kill -KILL $PPID")}}
	b.create().start()
	b.wait()
	if err := exec.Command(tare, "--root", stateRoot(), "delete", b.id).Run(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the first delete: %v", err)
	}
	b.try("delete").succeeds()
	wants(t, "calls", read(t, calls), "called\n")
	b.nothingLeft()
}

// P5 C19: a configuration that cannot be read any more keeps delete from running the hooks; a forced one says so, and removes the
// container all the same.
func TestPoststopWithoutConfiguration(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	l := newHookLog(b)
	b.spec.Hooks = &specs.Hooks{Poststop: []specs.Hook{l.hook("poststop")}}
	b.create().start()
	b.wait()
	must(t, os.WriteFile(filepath.Join(stateRoot(), b.id, "config.json"), []byte("{"), 0o600))
	b.try("delete").fails("config.json")
	wants(t, "status", b.state().Status, "stopped")
	r := b.try("delete", "--force").succeeds()
	if !strings.Contains(r.stderr, "poststop hooks are not run") {
		t.Errorf("%v: no warning", r)
	}
	wants(t, "calls", l.names(), "")
	b.nothingLeft()
}

// P5 P10: poststop runs once in run as well, whether the program could be started or not.
func TestRunHooks(t *testing.T) {
	for program, want := range map[string]string{
		"true": "prestart createRuntime createContainer startContainer poststart poststop",
		"none": "prestart createRuntime createContainer poststop",
	} {
		b := newBundle(t, withArgs(program))
		l := newHookLog(b)
		b.try("run")
		wants(t, "calls for "+program, l.names(), want)
		b.nothingLeft()
	}
}

// P7: a hook that takes longer than its timeout is killed with its children, and fails.
func TestHookTimeout(t *testing.T) {
	for _, kind := range []string{"createRuntime", "createContainer"} {
		t.Run(kind, func(t *testing.T) {
			b := newBundle(t)
			h := shellHook("echo begun; sleep 600 & sleep 600")
			h.Timeout = new(1)
			b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{h}}
			if kind == "createContainer" {
				b.spec.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{h}}
			}
			b.try("create").fails("/hooks/"+kind+"/0", "timed out", "begun")
			b.nothingLeft()
		})
	}
}

// P6: a hook that cannot be executed, with its name.
func TestHookMissing(t *testing.T) {
	b := newBundle(t)
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/nonexistent/hook"}}}
	b.try("create").fails("/hooks/createRuntime/0", "/nonexistent/hook", "no such file or directory")
	b.nothingLeft()
}

// P6: without args, argv[0] is the path.
func TestHookWithoutArgs(t *testing.T) {
	b := newBundle(t)
	script := filepath.Join(b.dir, "hook")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\necho $0 $# >"+b.dir+"/log\n"), 0o755))
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: script}}}
	b.create()
	wants(t, "arguments", read(t, filepath.Join(b.dir, "log")), script+" 0\n")
}

// P8: the environment of every kind is the same six words that features lists.
func TestHookKindsAreListed(t *testing.T) {
	var f struct{ Hooks []string }
	run(t, "features").decode(&f)
	want := []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
	if !slices.Equal(f.Hooks, want) {
		t.Errorf("hooks %q, want %q", f.Hooks, want)
	}
}

// P9 E29: a hook gets none of the descriptors that the caller had open or wants preserved, and the program gets its preserved
// ones all the same.
func TestHookDescriptors(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", listDescriptors))
	l := newHookLog(b)
	for _, list := range [][]specs.Hook{
		b.spec.Hooks.Prestart, b.spec.Hooks.CreateRuntime, b.spec.Hooks.CreateContainer, //nolint:staticcheck // as above
		b.spec.Hooks.StartContainer, b.spec.Hooks.Poststart, b.spec.Hooks.Poststop,
	} {
		// The files that extraFiles opens are all called fd.
		list[0].Args[2] = "ls -l /proc/self/fd | grep -v /proc | grep /fd$ >/dev/null && " + strings.Replace(list[0].Args[2], "read -r state; ", "", 1) + " || true"
	}
	r := b.tryWith(invocation{extra: extraFiles(t, 3, 4, 7, 60)}, "run", "--preserve-fds", "2")
	wants(t, "descriptors of the program", r.stdout, "0  1  2  3  4\n")
	if exists(l.path) {
		t.Errorf("hooks have descriptors of the caller: %s", read(t, l.path))
	}
}
