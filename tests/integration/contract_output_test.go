package integration

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// A2 B2 B3 B12: when a verb fails, its log file holds one line, the error, as a JSON object with nothing but level, msg and
// time. Podman decodes the whole file as that one object; a warning in front of it, and it has nothing.
func TestLogHoldsTheErrorAlone(t *testing.T) {
	c := newCaller(t, "--root ROOT --log BUNDLE/log.json --log-format json")
	// What tare would warn about, if nobody asked for errors alone: a poststop hook that fails after the failure.
	c.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{shellHook("exit 0")}, Poststop: []specs.Hook{shellHook("exit 3")}}
	c.spec.Process.Args = []string{"nosuch"}
	c.writeConfig()
	for _, test := range []struct{ line, want string }{
		{"create --bundle BUNDLE ID", "executable file not found in $PATH"},
		{"run --bundle BUNDLE ID", "executable file not found in $PATH"},
		{"create --bundle /nonexistent ID", "no such file or directory"},
		{"create --nosuch ID", "flag provided but not defined: -nosuch"},
		{"create", "takes exactly 1 argument"},
		{"nosuch ID", "unknown command"},
		{"start ID", "container does not exist"},
		{"state ID", "container does not exist"},
		{"kill ID 9", "container does not exist"},
		{"kill ID NOSUCH", "unknown signal"},
		{"delete ID", "container does not exist"},
		{"pause ID", "container does not exist"},
		{"resume ID", "container does not exist"},
		{"ps --format json ID", "container does not exist"},
		{"events --stats ID", "container does not exist"},
		{"update --pids-limit 5 ID", "container does not exist"},
		{"update --kernel-memory 5m ID", "container does not exist"},
		{"exec --process BUNDLE/config.json ID", "container does not exist"},
	} {
		must(t, os.RemoveAll(c.log))
		r := c.call(test.line, invocation{})
		if r.status == 0 || !strings.Contains(r.message(), test.want) {
			t.Errorf("%v: want %q", r, test.want)
		}
		text := read(t, c.log)
		var whole map[string]string
		if err := json.Unmarshal([]byte(text), &whole); err != nil || strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: log %q: %v", test.line, text, err)
			continue
		}
		if keys := slices.Sorted(maps.Keys(whole)); !slices.Equal(keys, []string{"level", "msg", "time"}) {
			t.Errorf("%s: keys %q", test.line, keys)
		}
		if _, err := time.Parse(time.RFC3339, whole["time"]); err != nil {
			t.Errorf("%s: %v", test.line, err)
		}
		wants(t, test.line+": level", whole["level"], "error")
		wants(t, test.line+": msg, and what stderr says", whole["msg"], r.message())
	}
	// And success is not worth a line, even where there is something to warn about.
	must(t, os.RemoveAll(c.log))
	c.spec.Process.Args = []string{"true"}
	c.writeConfig()
	c.does("run --bundle BUNDLE ID")
}

// B12: without --log the error is on stderr in the form that was asked for, once.
func TestErrorOnStderr(t *testing.T) {
	requireRoot(t)
	text := run(t, "state", "tare-it-none").fails("container does not exist")
	if strings.Count(text.stderr, "\n") != 1 || !strings.HasPrefix(text.stderr, `time="`) || text.stdout != "" {
		t.Error(text)
	}
	r := run(t, "--log-format=json", "state", "tare-it-none")
	var line logLine
	if err := json.Unmarshal([]byte(r.stderr), &line); err != nil || r.status != 1 || line.Msg != text.message() || line.Level != "error" {
		t.Errorf("%v: %v", r, err)
	}
	// A log that cannot be written loses nothing.
	r = run(t, "--log", "/nonexistent/log", "--log-format=json", "state", "tare-it-none").fails("container does not exist")
	if !strings.Contains(r.stderr, "/nonexistent/log") {
		t.Error(r)
	}
}

// C6 J13: when the pid file is there, the container is in its cgroup for good, in every hierarchy: engines find the cgroup by
// the pid.
func TestCgroupIsSettledBeforePidFile(t *testing.T) {
	for range 5 {
		b := newBundle(t)
		pidFile := filepath.Join(b.dir, "pid")
		early := make(chan string, 1)
		r := b.tryWith(invocation{whileItRuns: func(*os.Process) {
			poll(func() bool { return exists(pidFile) })
			text, _ := os.ReadFile(pidFile)
			place, _ := os.ReadFile("/proc/" + string(text) + "/cgroup")
			early <- string(text) + "\n" + string(place)
		}}, "create", "--pid-file", pidFile).succeeds()
		b.pid, b.stdout = atoi(t, read(t, pidFile)), r.stdoutFile
		inits[b.pid] = true
		place := func() string { return itoa(b.pid) + "\n" + read(t, "/proc/"+itoa(b.pid)+"/cgroup") }
		first := <-early
		wants(t, "after create", place(), first)
		b.start()
		wants(t, "after start", place(), first)
		for line := range strings.Lines(first) {
			if strings.Contains(line, ":") && !strings.Contains(line, b.id) && hierarchyIsMounted(t, line) {
				t.Errorf("the container is not in a cgroup of its own: %s", line)
			}
		}
	}
}

// hierarchyIsMounted says whether the hierarchy of a line of /proc/PID/cgroup can be seen here.
func hierarchyIsMounted(t *testing.T, line string) bool {
	t.Helper()
	controllers := strings.Split(line, ":")[1]
	if controllers == "" {
		return unifiedMount(t) != ""
	}
	for mount := range strings.Lines(read(t, "/proc/self/mounts")) {
		fields := strings.Fields(mount)
		if fields[2] == "cgroup" && slices.Contains(strings.Split(fields[3], ","), strings.Split(controllers, ",")[0]) {
			return true
		}
	}
	return false
}

// The shim unmounts the rootfs after delete, and nothing else: no mount of a container is on the host, at any time.
func TestNothingIsMountedOutside(t *testing.T) {
	b := newBundle(t)
	b.create()
	b.mountsUnchanged()
	b.start()
	b.mountsUnchanged()
	b.exec(nil, "true").succeeds()
	b.mountsUnchanged()
	b.stop()
	b.mountsUnchanged()
	b.try("delete").succeeds()
	b.mountsUnchanged()
}

// C17 K1 K2 K3: state as CRI-O and buildah decode it: types, times and words.
func TestStateDocument(t *testing.T) {
	b := newBundle(t).create()
	document := func() map[string]any {
		var raw map[string]any
		b.try("state").decode(&raw)
		return raw
	}
	check := func(status string, pid int) {
		t.Helper()
		raw := document()
		want := map[string]any{"ociVersion": specs.Version, "id": b.id, "status": status, "pid": float64(pid), "bundle": b.dir, "rootfs": b.path(), "owner": "root"}
		for key, value := range want {
			if raw[key] != value {
				t.Errorf("%s: %v, want %v", key, raw[key], value)
			}
		}
		if created, _ := raw["created"].(string); created == "" {
			t.Errorf("created is %v", raw["created"])
		} else if _, err := time.Parse(time.RFC3339Nano, created); err != nil {
			t.Error(err)
		}
	}
	check("created", b.pid)
	b.start()
	check("running", b.pid)
	b.try("pause").succeeds()
	check("paused", b.pid)
	b.try("resume").succeeds()
	b.stop()
	check("stopped", 0)
}

// A5 C31: an array of the pids on the host, and nothing else.
func TestPsDocument(t *testing.T) {
	b := newBundle(t, withShell("sleep 600 & echo up; wait")).create()
	wants(t, "ps", run(t, "ps", "--format", "json", b.id).succeeds().stdout, "["+itoa(b.pid)+"]\n")
	b.start()
	b.printed()
	if out := run(t, "ps", "-f=json", b.id).succeeds().stdout; !regexp.MustCompile(`^\[[0-9]+,[0-9]+\]\n$`).MatchString(out) {
		t.Errorf("ps: %q", out)
	}
	b.stop()
	wants(t, "ps of a stopped one", run(t, "ps", "--format", "json", b.id).succeeds().stdout, "[]\n")
}

// D9: exec --detach ends with 0 when the program has been started, and the pid file is there by then, a bare number. A program
// that cannot be started leaves none, because conmon takes that for the failure; and the status is 255.
func TestExecPidFile(t *testing.T) {
	c := newCaller(t, "--root ROOT", withArgs("sleep", "600"))
	c.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	c.created("pid")
	c.does("start ID")
	pidFile := filepath.Join(c.bundle.dir, "exec.pid")
	c.processFile(engineProcess(false, "sleep", "600"))
	c.does("exec --detach --pid-file BUNDLE/exec.pid --process BUNDLE/process.json ID")
	text := read(t, pidFile)
	if pid, err := strconv.Atoi(text); err != nil || !strings.Contains(read(t, "/proc/"+text+"/cmdline"), "sleep") || pid == c.pid {
		t.Errorf("pid file %q: %v", text, err)
	}
	must(t, syscall.Kill(atoi(t, text), syscall.SIGKILL))
	_, err := syscall.Wait4(atoi(t, text), nil, 0, nil)
	must(t, err)
	must(t, os.Remove(pidFile))
	c.file("script", "#!/no/interpreter\n")
	for _, program := range []string{"nosuch", "/script"} { // what is noticed before the pid file is written, and after
		c.processFile(engineProcess(false, program))
		if r := c.call("exec --detach --pid-file BUNDLE/exec.pid --process BUNDLE/process.json ID", invocation{}); r.status != 255 || exists(pidFile) {
			t.Errorf("%v; pid file: %v", r, exists(pidFile))
		}
	}
	c.does("kill ID 9")
	c.wait()
}

// A4 A11 A12 B11: under the name runc the program is runc to go-runc, dockerd and `podman info`; so it is under a name that is a
// path, and whatever a wrapper gives as argv[0]. Containers work under any name.
func TestRunsAsRunc(t *testing.T) {
	link := filepath.Join(t.TempDir(), "runc")
	must(t, os.Symlink(tare, link))
	for name, want := range map[string]string{link: "runc", "runc": "runc", "/usr/sbin/runc": "runc", "nvidia-container-runtime": "tare", "/x/y": "tare"} {
		out := invoke(t, invocation{name: name, exact: true, args: []string{"--version"}}).succeeds().stdout
		lines := strings.Split(out, "\n")
		// dockerd: NAME version V in any line with "version"; go-runc: the first line, then the other two prefixes.
		if len(lines) < 3 || !regexp.MustCompile(`^`+want+` version [0-9]+\.[0-9]+\.\S+$`).MatchString(lines[0]) ||
			strings.Count(out, "version") != 1 || !regexp.MustCompile(`^commit: \S+$`).MatchString(lines[1]) || !regexp.MustCompile(`^spec: 1\.[0-9]+\.[0-9]+`).MatchString(lines[2]) {
			t.Errorf("%q: %q", name, out)
		}
	}
	for _, name := range []string{link, "nvidia-container-runtime"} {
		b := newBundle(t, withArgs("echo", "ran"))
		b.writeConfig()
		r := invoke(t, invocation{name: name, dir: b.dir, args: []string{"run", b.id}}).succeeds()
		wants(t, "output", r.stdout, "ran\n")
		b.spec.Process.Args = []string{"sleep", "600"}
		b.createWith(invocation{name: name}).start()
		wants(t, "exec", invoke(t, invocation{name: name, args: []string{"exec", b.id, "echo", "ok"}}).succeeds().stdout, "ok\n")
		b.stop()
	}
}

// B15 M1 M2 M3 M9 M11: features answers anybody, without a runtime root, an environment or /proc, and has what engines look for.
func TestFeaturesForEngines(t *testing.T) {
	requireRoot(t)
	r := invoke(t, invocation{exact: true, args: []string{"features"}})
	var f features.Features
	r.decode(&f)
	if f.OCIVersionMin == "" || f.OCIVersionMax == "" { // without these CRI-O takes nothing of it
		t.Errorf("versions %q to %q", f.OCIVersionMin, f.OCIVersionMax)
	}
	if !slices.Contains(f.MountOptions, "rro") {
		t.Error("no recursive read-only mounts: mountOptions lacks rro")
	}
	if !slices.Contains(f.Linux.Namespaces, "user") || f.Linux.MountExtensions == nil || f.Linux.MountExtensions.IDMap == nil || !*f.Linux.MountExtensions.IDMap.Enabled {
		t.Error("no user namespaces for pods: linux.namespaces or linux.mountExtensions.idmap")
	}
	if f.Linux.Cgroup == nil || !*f.Linux.Cgroup.V1 || !*f.Linux.Cgroup.V2 || !*f.Linux.Cgroup.Systemd {
		t.Errorf("linux.cgroup %+v", f.Linux.Cgroup)
	}
	for _, name := range []string{"version", "commit"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(f.Annotations)), func(key string) bool { return strings.HasSuffix(key, "."+name) }) {
			t.Errorf("annotations lack a %s: %v", name, f.Annotations)
		}
	}
	skipUnless(t, commandExists("setpriv"), "setpriv is missing (util-linux)")
	program, err := rootlessBinary()
	must(t, err)
	must(t, os.Chmod(workspace, 0o711))
	for _, args := range [][]string{
		{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "features"},
		{"unshare", "-m", "sh", "-c", "umount -l /proc; exec setpriv --reuid=65534 --regid=65534 --clear-groups " + program + " features"},
	} {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil || string(out) != r.stdout {
			t.Errorf("%q: %v %s", args, err, out)
		}
	}
}
