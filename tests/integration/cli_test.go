package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// A4: the lines of --version that engines parse.
func TestVersion(t *testing.T) {
	for _, flag := range []string{"--version", "-v"} {
		out := run(t, flag).succeeds().stdout
		lines := strings.Split(out, "\n")
		if !strings.HasPrefix(lines[0], "tare version ") {
			t.Errorf("first line %q", lines[0])
		}
		for _, prefix := range []string{"commit: ", "spec: "} {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) && l != prefix }) {
				t.Errorf("no line with %q in %q", prefix, out)
			}
		}
	}
}

// B15 M1 M2 M3 M6: the features document is JSON of the specification's type, and needs no runtime root.
func TestFeatures(t *testing.T) {
	r := invoke(t, invocation{args: []string{"features"}})
	var f features.Features
	r.decode(&f)
	if f.OCIVersionMin == "" || f.OCIVersionMax == "" {
		t.Errorf("versions %q to %q", f.OCIVersionMin, f.OCIVersionMax)
	}
	for _, option := range []string{"bind", "rbind", "ro", "rro", "nosuid", "tmpcopyup", "rprivate"} {
		if !slices.Contains(f.MountOptions, option) {
			t.Errorf("mountOptions lack %s", option)
		}
	}
	if len(f.Hooks) != 6 {
		t.Errorf("hooks %q", f.Hooks)
	}
	for _, namespace := range []string{"pid", "network", "mount", "ipc", "uts", "cgroup"} {
		if f.Linux == nil || !slices.Contains(f.Linux.Namespaces, namespace) {
			t.Errorf("namespaces lack %s", namespace)
		}
	}
}

// M1: both ends of the range of versions are accepted in config.json.
func TestFeaturesVersionsAreAccepted(t *testing.T) {
	var f features.Features
	run(t, "features").decode(&f)
	for _, version := range []string{f.OCIVersionMin, f.OCIVersionMax, "1.0.2-dev"} {
		b := newBundle(t, withArgs("true"))
		b.spec.Version = version
		b.output()
	}
}

// B15: help needs nothing; mistakes in the command line are errors with status 1.
func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"create", "--help"}, {"run", "-h"}, {"kill", "--help"}} {
		if r := run(t, args...).succeeds(); !strings.Contains(r.stdout, "USAGE") {
			t.Errorf("%v: no usage", r)
		}
	}
	for _, args := range [][]string{
		{"nosuch"}, {"--nosuch"}, {"create"}, {"create", "a", "b"}, {"state"}, {"start", "--nosuch", "x"},
		{"--log-format", "xml", "list"}, {"--cgroup-manager", "none", "list"}, {"--rootless", "maybe", "list"}, {"list", "-f", "xml"},
	} {
		run(t, args...).fails()
	}
}

// C33: the template is written once, and is the configuration of a container that runs.
func TestSpec(t *testing.T) {
	b := newBundle(t)
	config := filepath.Join(b.dir, "config.json")
	run(t, "spec", "--bundle", b.dir).succeeds()
	run(t, "spec", "--bundle", b.dir).fails("config.json", "file exists")
	b.spec = new(specs.Spec)
	must(t, json.Unmarshal([]byte(read(t, config)), b.spec))
	if b.spec.Version != specs.Version || !b.spec.Process.Terminal {
		t.Errorf("version %s, terminal %v", b.spec.Version, b.spec.Process.Terminal)
	}
	b.spec.Process.Terminal = false
	b.spec.Process.Args = []string{"echo", "hello"}
	wants(t, "output", b.output(), "hello")

	other := filepath.Join(b.dir, "other.json")
	invoke(t, invocation{dir: b.dir, args: []string{"spec", "--rootless", "-f", "other.json"}}).succeeds()
	if !strings.Contains(read(t, other), "uidMappings") {
		t.Error("--rootless maps no user")
	}
}

// A5 C29 C30 K10: list in its three forms, with containers in all states and the leftover of a killed create.
func TestList(t *testing.T) {
	requireRoot(t)
	wants(t, "empty list", run(t, "list", "--format", "json").succeeds().stdout, "[]\n")
	created, running := newBundle(t).create(), newBundle(t).create().start()
	stopped := newBundle(t, withArgs("true")).create().start()
	stopped.wait()
	broken := newBundle(t)
	must(t, os.Mkdir(filepath.Join(stateRoot(), broken.id), 0o700))
	want := map[string]string{created.id: "created", running.id: "running", stopped.id: "stopped", broken.id: "stopped"}

	var list []container
	run(t, "list", "--format=json").decode(&list)
	for _, c := range list {
		wants(t, "status of "+c.ID, c.Status, want[c.ID])
		if (c.Status == "stopped") != (c.Pid == 0) {
			t.Errorf("%s is %s with pid %d", c.ID, c.Status, c.Pid)
		}
	}
	quiet := strings.Fields(run(t, "list", "-q").succeeds().stdout)
	table := strings.Split(strings.TrimSpace(run(t, "list").succeeds().stdout), "\n")
	if len(list) != len(want) || len(quiet) != len(want) || len(table) != len(want)+1 {
		t.Fatalf("json %v\nquiet %q\ntable %q", list, quiet, table)
	}
	for _, id := range quiet {
		if want[id] == "" {
			t.Errorf("--quiet has %q", id)
		}
	}
	wants(t, "head", strings.Join(strings.Fields(table[0]), " "), "ID PID STATUS BUNDLE CREATED OWNER")
	for _, row := range table[1:] {
		if fields := strings.Fields(row); len(fields) < 6 && fields[0] != broken.id || want[fields[0]] != fields[2] {
			t.Errorf("row %q", row)
		}
	}
}

// A2 B2 B3: an error is one JSON object on one line in the log file, whose time can be parsed, and success leaves nothing.
func TestLogJSON(t *testing.T) {
	requireRoot(t)
	file := filepath.Join(t.TempDir(), "log.json")
	logged := func(args ...string) result {
		return run(t, append([]string{"--log", file, "--log-format", "json"}, args...)...)
	}
	logged("list").succeeds()
	if exists(file) {
		t.Errorf("a command that succeeded has logged %q", read(t, file))
	}
	r := logged("state", "tare-it-none").fails("container does not exist") // B12: on stderr as well
	var line struct {
		Level, Msg string
		Time       time.Time
	}
	must(t, json.Unmarshal([]byte(read(t, file)), &line)) // Podman reads the whole file as one object
	wants(t, "level", line.Level, "error")
	wants(t, "msg", line.Msg, r.message())
	if line.Time.IsZero() || !strings.Contains(read(t, file), `"level":"error"`) {
		t.Errorf("log %q", read(t, file))
	}
	logged("state", "tare-it-none").fails()
	if n := strings.Count(read(t, file), "\n"); n != 2 {
		t.Errorf("%d lines in the log of two errors, which is appended to", n)
	}
}

// B12: an error of create reaches the log, and stderr, where conmon and buildah look for it.
func TestLogOfCreate(t *testing.T) {
	b := newBundle(t, withArgs("nosuch"))
	file := filepath.Join(b.dir, "log")
	r := b.tryWith(invocation{args: []string{"--log", file, "--log-format=json"}}, "create").fails("executable file not found in $PATH")
	if n := strings.Count(r.stderr, "\n"); n != 1 {
		t.Errorf("%d lines on stderr: %q", n, r.stderr)
	}
	if n := strings.Count(read(t, file), "\n"); n != 1 {
		t.Errorf("%d lines in the log: %q", n, read(t, file))
	}
}

// B4: --debug says more, and still ends with the error.
func TestDebug(t *testing.T) {
	b := newBundle(t, withProcess(func(p *specs.Process) { p.Cwd, p.Args = "relative", nil }))
	quiet := b.try("create").fails("/process/args")
	debug := b.tryWith(invocation{args: []string{"--debug"}}, "create").fails("/process/args")
	if strings.Contains(quiet.stderr, "/process/cwd") || !strings.Contains(debug.stderr, "/process/cwd") {
		t.Errorf("the second problem is for --debug\nwithout: %s\nwith: %s", quiet.stderr, debug.stderr)
	}
}
