package main

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/tare-run/tare/libcontainer"
)

// recorder stands in for libcontainer.Runtime. It remembers the one call and answers with what the test put in.
type recorder struct {
	runtime *libcontainer.Runtime
	call    string
	options any
	id      string
	force   bool

	status int
	state  libcontainer.State
	list   []libcontainer.State
	err    error

	resources  specs.LinuxResources
	statistics *libcontainer.Statistics
	events     []libcontainer.Event
	pids       []int
	rows       []libcontainer.ProcessRow
	problems   []libcontainer.Problem
	planned    []libcontainer.PlannedStep
}

func (r *recorder) note(call, id string, options any) error {
	r.call, r.id, r.options = call, id, options
	return r.err
}

func (r *recorder) Create(o libcontainer.CreateOptions) error { return r.note("create", o.ID, o) }
func (r *recorder) Run(o libcontainer.RunOptions) (int, error) {
	return r.status, r.note("run", o.ID, o)
}
func (r *recorder) Exec(o libcontainer.ExecOptions) (int, error) {
	return r.status, r.note("exec", o.ID, o)
}
func (r *recorder) Check(o libcontainer.CreateOptions) ([]libcontainer.Problem, error) {
	return r.problems, r.note("check", o.ID, o)
}
func (r *recorder) Plan(o libcontainer.CreateOptions) ([]libcontainer.PlannedStep, error) {
	return r.planned, r.note("plan", o.ID, o)
}
func (r *recorder) Start(id string) error { return r.note("start", id, nil) }
func (r *recorder) State(id string) (*libcontainer.State, error) {
	return &r.state, r.note("state", id, nil)
}
func (r *recorder) Kill(id string, o libcontainer.KillOptions) error { return r.note("kill", id, o) }
func (r *recorder) Delete(id string, force bool) error {
	r.force = force
	return r.note("delete", id, nil)
}
func (r *recorder) KillMatching(pattern string, o libcontainer.KillOptions) error {
	return r.note("kill matching", pattern, o)
}
func (r *recorder) DeleteMatching(pattern string, force bool) error {
	r.force = force
	return r.note("delete matching", pattern, nil)
}
func (r *recorder) Pause(id string) error  { return r.note("pause", id, nil) }
func (r *recorder) Resume(id string) error { return r.note("resume", id, nil) }

func (r *recorder) AddMounts(id, file string) error    { return r.note("mounts add", id, file) }
func (r *recorder) RemoveMounts(id, file string) error { return r.note("mounts remove", id, file) }
func (r *recorder) Update(id string, o *libcontainer.UpdateOptions) (*specs.LinuxResources, error) {
	return &r.resources, r.note("update", id, *o)
}
func (r *recorder) List() ([]libcontainer.State, error) { return r.list, r.note("list", "", nil) }
func (r *recorder) Statistics(id string) (*libcontainer.Statistics, error) {
	return r.statistics, r.note("statistics", id, nil)
}
func (r *recorder) Events(id string, interval time.Duration, emit func(*libcontainer.Event) error) error {
	for i := range r.events {
		if err := emit(&r.events[i]); err != nil {
			return err
		}
	}
	return r.note("events", id, interval)
}
func (r *recorder) Processes(id string) ([]int, error) { return r.pids, r.note("ps", id, nil) }
func (r *recorder) ProcessTable(id string) ([]libcontainer.ProcessRow, error) {
	return r.rows, r.note("ps table", id, nil)
}
func (r *recorder) HostPs(id string, options []string) (string, error) {
	return "from the host\n", r.note("host ps", id, options)
}

// result is everything that a caller of the program sees.
type result struct {
	status         int
	stdout, stderr string
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// invoke runs one command line against a recorder.
func invoke(r *recorder, args ...string) result {
	return invokeAs("tare", r, args...)
}

func invokeAs(argv0 string, r *recorder, args ...string) result {
	var stdout, stderr bytes.Buffer
	p := newProgram(argv0, &stdout, &stderr)
	p.log.now = func() time.Time { return testTime }
	p.open = func(rt *libcontainer.Runtime) containers {
		r.runtime = rt
		return r
	}
	status := p.run(append([]string{argv0}, args...))
	return result{status, stdout.String(), stderr.String()}
}

// errorLine is the only line that stderr may hold after an error without --log.
func errorLine(msg string) string {
	return string(textLine(testTime, levelError, msg))
}

// Rows A1, A8, C1 to C12, C15, C18, C19, C24, C25: command lines as engines write them, and what must arrive.
func TestVerbs(t *testing.T) {
	t.Setenv("LISTEN_FDS", "")
	tests := []struct {
		name    string
		args    string
		call    string
		id      string
		options any
		force   bool
	}{
		{name: "create, defaults", args: "create web1", call: "create", id: "web1",
			options: libcontainer.CreateOptions{ID: "web1", Bundle: "."}},
		{name: "create as the containerd shim does", call: "create", id: "web1",
			args: "--root /run/x --log /dev/null --log-format json --systemd-cgroup create --bundle /b --pid-file /b/init.pid" +
				" --console-socket /tmp/s --no-pivot --no-new-keyring web1",
			options: libcontainer.CreateOptions{ID: "web1", Bundle: "/b", PidFile: "/b/init.pid", ConsoleSocket: "/tmp/s",
				NoPivot: true, NoNewKeyring: true}},
		{name: "create as conmon does", call: "create", id: "web1",
			args:    "--log-format=json --log=/dev/null create --bundle=/b --pid-file=/p --preserve-fds=2 web1",
			options: libcontainer.CreateOptions{ID: "web1", Bundle: "/b", PidFile: "/p", PreserveFDs: 2}},
		{name: "create, the rest", args: "create -b /b -f /c.json --pidfd-socket /s web1", call: "create", id: "web1",
			options: libcontainer.CreateOptions{ID: "web1", Bundle: "/b", Config: "/c.json", PidfdSocket: "/s"}},
		{name: "run as BuildKit does", args: "run --bundle /b --keep web1", call: "run", id: "web1",
			options: libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "web1", Bundle: "/b"}, Keep: true}},
		{name: "run detached", args: "run -d --no-subreaper web1", call: "run", id: "web1",
			options: libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "web1", Bundle: "."},
				Detach: true, NoSubreaper: true}},
		{name: "start", args: "start web1", call: "start", id: "web1"},
		{name: "state", args: "state web1", call: "state", id: "web1"},
		{name: "kill, default", args: "kill web1", call: "kill", id: "web1", options: libcontainer.KillOptions{Signal: 15}},
		{name: "kill all", args: "kill --all web1 9", call: "kill", id: "web1",
			options: libcontainer.KillOptions{Signal: 9, All: true}},
		{name: "kill -a by name", args: "kill -a web1 KILL", call: "kill", id: "web1",
			options: libcontainer.KillOptions{Signal: 9, All: true}},
		{name: "delete", args: "delete web1", call: "delete", id: "web1"},
		{name: "delete --force", args: "delete --force web1", call: "delete", id: "web1", force: true},
		{name: "delete -f", args: "delete -f web1", call: "delete", id: "web1", force: true},
		{name: "pause", args: "pause web1", call: "pause", id: "web1"},
		{name: "resume", args: "resume web1", call: "resume", id: "web1"},
		{name: "kill --regex (C20)", args: "kill --regex ^web 9", call: "kill matching", id: "^web", options: libcontainer.KillOptions{Signal: 9}},
		{name: "delete --regex", args: "delete -f --regex .", call: "delete matching", id: ".", force: true},
		{name: "options after the id", args: "create web1 --bundle /b --no-pivot -f=/c.json", call: "create", id: "web1",
			options: libcontainer.CreateOptions{ID: "web1", Bundle: "/b", Config: "/c.json", NoPivot: true}},
		{name: "--force after the id", args: "delete web1 --force", call: "delete", id: "web1", force: true},
		{name: "list", args: "list", call: "list"},
		{name: "a container called help", args: "delete help", call: "delete", id: "help"},
		{name: "a container called h", args: "kill h", call: "kill", id: "h", options: libcontainer.KillOptions{Signal: 15}},
		{name: "a container called like a flag", args: "delete --force force", call: "delete", id: "force", force: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			got := invoke(&r, strings.Fields(tt.args)...)
			if got.status != 0 || got.stderr != "" {
				t.Fatalf("status %d, stderr %q", got.status, got.stderr)
			}
			if r.call != tt.call || r.id != tt.id || r.force != tt.force || !reflect.DeepEqual(r.options, tt.options) {
				t.Errorf("got %s %q force %v %+v", r.call, r.id, r.force, r.options)
			}
		})
	}
}

// Rows B13 and B15, and section 4 of the engine contract: one line on stderr, status 1, nothing on stdout, no verb run.
func TestUsageErrors(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"no id", "create", "create: takes exactly 1 argument, got 0; usage: tare create [options] ID"},
		{"two ids", "start a b", "start: takes exactly 1 argument, got 2; usage: tare start ID"},
		{"three for kill", "kill a 9 b", "kill: takes 1 or 2 arguments, got 3; usage: tare kill [options] ID [SIGNAL]"},
		{"id for list", "list a", "list: takes no arguments, got 1; usage: tare list [options]"},
		{"id for features", "features a", "features: takes no arguments, got 1; usage: tare features"},
		{"unknown option after the id", "delete web1 --nosuch",
			`delete: flag provided but not defined: --nosuch; usage: tare delete [options] ID`},
		{"option after the id without its value", "create web1 --bundle",
			`create: flag needs an argument: --bundle; usage: tare create [options] ID`},
		{"two ids, one after an option", "delete web1 --force web2", "delete: takes exactly 1 argument, got 2; usage: tare delete [options] ID"},
		{"signal with a dash", "kill web1 -9",
			`kill: option "-9" must come before the container ID; usage: tare kill [options] ID [SIGNAL]`},
		{"signal of an image that is an option", "kill web1 --all",
			`kill: option "--all" must come before the container ID; usage: tare kill [options] ID [SIGNAL]`},
		{"unknown option", "state --nosuch web1",
			`state: flag provided but not defined: -nosuch; see "tare state --help"`},
		{"unknown global option", "--nosuch state web1", `flag provided but not defined: -nosuch; see "tare --help"`},
		{"option without its value", "create --bundle", `create: flag needs an argument: -bundle; see "tare create --help"`},
		{"number expected", "create --preserve-fds x web1",
			`create: invalid value "x" for flag -preserve-fds: parse error; see "tare create --help"`},
		{"negative number", "run --preserve-fds=-1 web1", `run web1: --preserve-fds "-1": is negative`},
		{"unknown signal", "kill web1 FOO",
			`kill web1: unknown signal "FOO"; give a name such as TERM or a number from 0 to 64`},
		{"list format", "list -f yaml", `list: --format "yaml": unknown value; accepted are table and json`},
		{"log format", "--log-format xml list", `--log-format "xml": unknown value; accepted are text and json`},
		{"log level", "--log-level loud list", `--log-level "loud": unknown value; accepted are error, warning and debug`},
		{"cgroup manager", "--cgroup-manager v1 list",
			`--cgroup-manager "v1": unknown value; accepted are cgroupfs, systemd and disabled`},
		{"rootless", "--rootless maybe list", `--rootless "maybe": unknown value; accepted are true, false and auto`},
		{"init by hand (C35)", "init --x y",
			"init: is not a command for users; use create or run, which start it inside a new container"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r recorder
			got := invoke(&r, strings.Fields(tt.args)...)
			if want := (result{1, "", errorLine(tt.want)}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if r.call != "" {
				t.Errorf("ran %s", r.call)
			}
			for _, phrase := range []string{"does not exist", "no such process", "not running", "already finished",
				"permission denied", "not permitted", "no such file", "executable file"} {
				if strings.Contains(got.stderr, phrase) {
					t.Errorf("engines act on %q", phrase)
				}
			}
		})
	}
}

// Row B15: help answers a wrong command on stderr, and a question on stdout; neither opens the runtime root.
func TestHelp(t *testing.T) {
	tests := []struct {
		args   string
		status int
	}{
		{"", 0}, {"--help", 0}, {"-h", 0}, {"help", 0}, {"help create", 0}, {"--root /nonexistent create --help", 0},
		{"snapshot web1", 1}, {"snapshot --help", 1}, {"--debug snapshot", 1},
	}
	for _, verb := range newProgram("tare", nil, nil).app().Commands {
		if !verb.Hidden {
			tests = append(tests, struct {
				args   string
				status int
			}{verb.Name + " --help", 0})
		}
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var r recorder
			got := invoke(&r, strings.Fields(tt.args)...)
			help, other := got.stdout, got.stderr
			if tt.status != 0 {
				help, other = got.stderr, got.stdout
			}
			if got.status != tt.status || !strings.HasPrefix(help, "NAME:\n   tare ") || other != "" {
				t.Errorf("got %+v", got)
			}
			if tt.status != 0 && !strings.Contains(help, `level=error msg="unknown command `) {
				t.Errorf("stderr does not name the command: %s", help)
			}
			if r.runtime != nil {
				t.Error("opened the runtime root")
			}
		})
	}
}

// Row B13: an error is status 1; run passes the status of the program on.
func TestExitStatus(t *testing.T) {
	if got := invoke(&recorder{status: 137}, "run", "web1"); got.status != 137 || got.stderr != "" {
		t.Errorf("run: %+v", got)
	}
	for _, verb := range []string{"create", "run", "start", "state", "kill", "delete"} {
		failing := &recorder{err: errors.New(verb + " web1: container does not exist")}
		want := result{1, "", errorLine(verb + " web1: container does not exist")}
		if got := invoke(failing, verb, "web1"); got != want {
			t.Errorf("%s: got %+v", verb, got)
		}
	}
}

// A closed stdout is an error and not a success without output.
func TestWriteError(t *testing.T) {
	var stderr bytes.Buffer
	p := newProgram("tare", failingWriter{}, &stderr)
	p.open = func(*libcontainer.Runtime) containers { return &recorder{} }
	for _, args := range []string{"state web1", "list", "list --format json", "features"} {
		if status := p.run(append([]string{"tare"}, strings.Fields(args)...)); status != 1 {
			t.Errorf("%s: status %d", args, status)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Rows A4, B11: go-runc takes the first line by its prefix "runc version ", dockerd any line with "version".
func TestVersion(t *testing.T) {
	for argv0, name := range map[string]string{"tare": "tare", "/usr/bin/runc": "runc", "/x/runc-real": "tare"} {
		for _, flag := range []string{"--version", "-v"} {
			var r recorder
			got := invokeAs(argv0, &r, "--root", "/nonexistent", flag)
			lines := strings.Split(got.stdout, "\n")
			if got.status != 0 || got.stderr != "" || len(lines) < 3 || lines[0] != name+" version "+version ||
				lines[1] != "commit: "+gitCommit || !strings.HasPrefix(lines[2], "spec: 1.") {
				t.Errorf("%s %s: %+v", argv0, flag, got)
			}
			if r.runtime != nil {
				t.Errorf("%s %s opened the runtime root", argv0, flag)
			}
		}
	}
}

func TestFeatures(t *testing.T) {
	var r recorder
	got := invoke(&r, "features")
	if got.status != 0 || got.stderr != "" || !strings.HasPrefix(got.stdout, "{") || !strings.HasSuffix(got.stdout, "}\n") {
		t.Errorf("got %+v", got)
	}
	if r.runtime != nil {
		t.Error("opened the runtime root")
	}
}
