package conformance

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	update   = flag.Bool("update", false, "record the observed verdicts in the expected file")
	expected = flag.String("expected", "expected.txt", "file with the expected verdicts")
)

// programTimeout is ten times what the slowest program takes; they poll once a second.
const programTimeout = 150 * time.Second

// fixture is what all programs of a run share.
type fixture struct {
	programs    string // directory of the built programs
	work        string // directory they are run in
	runtime     string // wrapper that gives the runtime a root of its own
	root        string
	cgroup2View string // script that shows a program the cgroup2 hierarchy alone
}

// TestValidation runs every program in every view of the cgroup hierarchies that this host offers. It fails for a program
// that should pass and does not, and for one that is recorded as failing and passes.
func TestValidation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the programs create containers without a user namespace")
	}
	header, list, err := readExpected(*expected)
	if err != nil {
		t.Fatal(err)
	}
	fix := newFixture(t)
	fix.checkComplete(t, list)

	observed := map[string]map[string]string{}
	for _, view := range hostViews(t) {
		observed[view] = map[string]string{}
		t.Run(view, func(t *testing.T) { fix.runView(t, view, list, observed[view]) })
		passed := 0
		for _, verdict := range observed[view] {
			if verdict == "pass" {
				passed++
			}
		}
		fmt.Printf("%s: %d of %d programs pass\n", view, passed, len(observed[view]))
	}
	if *update {
		if err := writeExpected(*expected, header, list, observed); err != nil {
			t.Error(err)
		}
	}
}

// hostViews says which layouts can be tested. A host with v1 controllers can also show its cgroup2 hierarchy alone, in a
// private mount namespace.
func hostViews(t *testing.T) []string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs("/sys/fs/cgroup", &fs); err != nil {
		t.Fatal(err)
	}
	const cgroup2Magic = 0x63677270 // CGROUP2_SUPER_MAGIC, statfs(2)
	if fs.Type == cgroup2Magic {
		return views[:1]
	}
	return views
}

// outcome is what came of one program.
type outcome struct {
	verdict string
	output  string // shortened: what explains a failure
	err     error  // the program could not be run
}

// runView runs the programs, then reports each as a test of its own.
func (f *fixture) runView(t *testing.T, view string, list []expectation, observed map[string]string) {
	outcomes := f.runAll(view, list)
	f.removeLeftovers(t, view)
	f.runAgain(t, view, list, outcomes)
	for i, e := range list {
		t.Run(e.program, func(t *testing.T) {
			got := outcomes[i]
			if got.err != nil {
				t.Fatal(got.err)
			}
			observed[e.program] = got.verdict
			if want := e.verdict[view]; !met(want, got.verdict) && !*update {
				t.Errorf("%s, expected %s (%s)\n%s", got.verdict, want, e.reason, got.output)
			}
		})
	}
}

// runAll runs four programs at a time, because they mostly sleep. Those that set limits use one fixed cgroup path, so they
// take turns.
func (f *fixture) runAll(view string, list []expectation) []outcome {
	outcomes := make([]outcome, len(list))
	var all sync.WaitGroup
	var fixedPath sync.Mutex
	slots := make(chan struct{}, 4)
	for i, e := range list {
		all.Go(func() {
			if strings.HasPrefix(e.program, "linux_cgroups_") || strings.HasPrefix(e.program, "delete_") {
				fixedPath.Lock()
				defer fixedPath.Unlock()
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes[i] = f.run(view, e.program)
		})
	}
	all.Wait()
	return outcomes
}

// runAgain gives another chance, or two, to the programs that did not meet their expectation, one at a time. Several race
// with the program of their container: killsig sends a signal that a shell may not have a trap for yet.
func (f *fixture) runAgain(t *testing.T, view string, list []expectation, outcomes []outcome) {
	for i, e := range list {
		for range 2 {
			if o := outcomes[i]; o.err != nil || met(e.verdict[view], o.verdict) {
				break
			}
			fmt.Printf("%s: %s: %s; once more, alone\n", view, e.program, outcomes[i].verdict)
			outcomes[i] = f.run(view, e.program)
			f.removeLeftovers(t, view)
		}
	}
}

// run starts one program in a mount namespace of its own.
func (f *fixture) run(view, program string) outcome {
	bundles := filepath.Join(f.work, view+"-"+program)
	if err := os.Mkdir(bundles, 0o755); err != nil { // other users of the container must be able to pass through it
		return outcome{err: err}
	}
	defer os.RemoveAll(bundles)
	ctx, cancel := context.WithTimeout(context.Background(), programTimeout)
	defer cancel()
	argv := f.inView(view, filepath.Join(f.programs, program))
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = f.work
	cmd.Env = append(os.Environ(), "RUNTIME="+f.runtime, "TMPDIR="+bundles)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.WaitDelay = time.Second // a leftover container may hold the pipes
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return outcome{err: err}
	}
	rep, err := readTAP(bytes.NewReader(stdout.Bytes()))
	return outcome{
		verdict: rep.verdict(cmd.ProcessState.ExitCode()),
		output:  summary(rep, stdout.String(), stderr.String()),
		err:     err,
	}
}

// inView returns the command line that runs a program with the cgroups of a view.
func (f *fixture) inView(view string, argv ...string) []string {
	if view == "cgroup2" {
		return append([]string{f.cgroup2View}, argv...)
	}
	return argv
}

// summary keeps what explains a failure: failed lines, diagnostics without a test, and what the runtime wrote.
func summary(rep report, stdout, stderr string) string {
	var out strings.Builder
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "not ok") || strings.HasPrefix(line, "#") || strings.Contains(line, `"stderr"`) {
			out.WriteString(line)
		}
	}
	for _, text := range rep.orphans {
		out.WriteString(text + "\n")
	}
	out.WriteString(stderr)
	const enough = 3000
	return out.String()[:min(out.Len(), enough)]
}

// newFixture builds the programs and lays out the directory that they are run in.
func newFixture(t *testing.T) *fixture {
	dir := t.TempDir()
	f := &fixture{
		programs:    filepath.Join(dir, "programs"),
		work:        filepath.Join(dir, "work"),
		root:        filepath.Join(dir, "root"),
		cgroup2View: absolute(t, "../cgroup2-view"),
	}
	err := errors.Join(os.Mkdir(f.programs, 0o755), os.Mkdir(f.work, 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	if err != nil {
		t.Fatal(err)
	}
	// Static, because runtimetest runs inside the containers. "tool" means every tool of go.mod.
	build := exec.Command("go", "build", "-o", f.programs+"/", "tool")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(f.programs, "runtimetest"), filepath.Join(f.work, "runtimetest")); err != nil {
		t.Fatal(err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs a statically linked busybox in PATH (package busybox-static)")
	}
	if err := writeRootfs(filepath.Join(f.work, "rootfs-"+runtime.GOARCH+".tar.gz"), busybox); err != nil {
		t.Fatal(err)
	}
	f.writeWrapper(t, dir)
	return f
}

// writeWrapper makes the runtime that the programs see: the one under test with a runtime root of its own, since the
// programs give none and the host's must stay untouched.
func (f *fixture) writeWrapper(t *testing.T, dir string) {
	binary := os.Getenv("RUNTIME")
	if binary == "" {
		binary = absolute(t, "../../tare")
	}
	path, err := exec.LookPath(binary)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		t.Fatalf("%v; build tare with make, or name another runtime in RUNTIME", err)
	}
	f.runtime = filepath.Join(dir, "runtime")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' --root '%s' \"$@\"\n", path, f.root)
	if err := os.WriteFile(f.runtime, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// checkComplete holds expected.txt equal to the list of programs, so that a newer version cannot add one unseen.
func (f *fixture) checkComplete(t *testing.T, list []expectation) {
	built, err := os.ReadDir(f.programs)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, e := range list {
		known[e.program] = true
	}
	for _, entry := range built {
		if !known[entry.Name()] {
			t.Errorf("%s has no line for %s", *expected, entry.Name())
		}
		delete(known, entry.Name())
	}
	for name := range known {
		t.Errorf("%s has a line for %s, which does not exist", *expected, name)
	}
}

// removeLeftovers deletes the containers that failed programs left, and the cgroups with the fixed names.
func (f *fixture) removeLeftovers(t *testing.T, view string) {
	entries, err := os.ReadDir(f.root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue // the runtime's own
		}
		argv := f.inView(view, f.runtime, "delete", "--force", entry.Name())
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Logf("delete %s: %v: %s", entry.Name(), err, out)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*", "/sys/fs/cgroup/memory/*/*"} {
		for _, name := range []string{"cgrouptest", "testdir/cgrouptest/container", "testdir/cgrouptest", "testdir"} {
			dirs, _ := filepath.Glob(filepath.Join(pattern, name))
			for _, dir := range dirs {
				syscall.Rmdir(dir) // busy or filled ones are somebody else's
			}
		}
	}
}

// absolute returns the absolute path of a file beside this package.
func absolute(t *testing.T, name string) string {
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
