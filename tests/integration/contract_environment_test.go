package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// engineEnvironment is what conmon and the shim pass on; a container must see none of it.
var engineEnvironment = []string{
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "GOMAXPROCS=4", "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4", "_CONTAINERS_USERNS_CONFIGURED=done",
	"_CONTAINERS_ROOTLESS_UID=1000", "XDG_RUNTIME_DIR=/run/user/1000", "HOME=/engine", "SECRET=1", "TARE_SECRET=1",
}

// E29 P6: the engine's environment reaches neither the program, nor an exec, nor hooks, by any of the verbs.
func TestEngineEnvironmentStaysOutside(t *testing.T) {
	b := newCaller(t, "--root ROOT", withShell("env; sleep 600"), withProcess(func(p *specs.Process) { p.Env = []string{"PATH=/bin", "A=1"} }))
	b.env = engineEnvironment
	hook := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "env >>" + b.bundle.dir + "/hooks"}}
	b.spec.Hooks = &specs.Hooks{Prestart: []specs.Hook{hook}, CreateRuntime: []specs.Hook{hook}, CreateContainer: []specs.Hook{hook}, Poststart: []specs.Hook{hook}} //nolint:staticcheck // engines use prestart
	b.writeConfig()
	b.stdout = b.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID").stdoutFile
	b.created("pid")
	if environment := read(t, "/proc/"+itoa(b.pid)+"/environ"); strings.Contains(environment, "_OCI_") || strings.Contains(environment, "SECRET") {
		t.Errorf("the waiting init has %q", environment)
	}
	b.does("start ID")
	ours := func(what, text string, allowed ...string) {
		t.Helper()
		var names []string
		for line := range strings.Lines(text) {
			if name, _, ok := strings.Cut(line, "="); ok && !slices.Contains(allowed, name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			t.Errorf("%s has %q", what, names)
		}
	}
	eventually(t, "the program has printed its environment", func() bool { return strings.Contains(read(t, b.stdout), "A=1") })
	const shell1, shell2, shell3 = "PWD", "SHLVL", "_" // which every shell adds
	ours("the program", read(t, b.stdout), "PATH", "A", "HOME", shell1, shell2, shell3)
	ours("an exec", b.call("exec ID env", invocation{}).succeeds().stdout, "PATH", "A", "HOME")
	b.processFile(engineProcess(false, "env"))
	ours("an exec of a file", b.call("exec --process BUNDLE/process.json ID", invocation{}).succeeds().stdout, "PATH", "HOME")
	hooks := read(t, b.bundle.dir+"/hooks")
	if strings.Count(hooks, "PWD=") != 4 {
		t.Errorf("4 hooks have printed %q", hooks)
	}
	ours("a hook", hooks, shell1, shell2, shell3)
}

// E29 C9: what the caller of an engine had open without close-on-exec arrives at the runtime with it, at 10 and 251 for one. It
// goes no further: not to the program, an exec, or hooks.
func TestLeakedDescriptors(t *testing.T) {
	leaked := func() invocation { return invocation{extra: extraFiles(t, 3, 4, 10, 251)} }
	b := newCaller(t, "--root ROOT", withArgs("sh", "-c", "ls -x -w 999 /proc/1/fd; sleep 600; exit"))
	b.env = engineEnvironment
	hook := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "exec >>" + b.bundle.dir + "/hooks; /bin/ls -x -w 999 /proc/$$/fd; :"}}
	b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hook}, Poststart: []specs.Hook{hook}}
	b.writeConfig()
	b.stdout = b.call("create --bundle BUNDLE --preserve-fds 1 --pid-file BUNDLE/pid ID", leaked()).succeeds().stdoutFile
	b.created("pid")
	b.call("start ID", leaked()).succeeds()
	wants(t, "descriptors of the program", b.printed(), "0  1  2  3")
	list := []string{"sh", "-c", "ls -x -w 999 /proc/$$/fd; exit"}
	b.processFile(engineProcess(false, list...))
	wants(t, "of an exec", b.call("exec --process BUNDLE/process.json ID", leaked()).succeeds().stdout, "0  1  2\n")
	wants(t, "of an exec with one", b.call("exec --preserve-fds 1 --process BUNDLE/process.json ID", leaked()).succeeds().stdout, "0  1  2  3\n")
	r := b.call("exec --detach --pid-file BUNDLE/exec.pid --process BUNDLE/process.json ID", leaked()).succeeds()
	var status syscall.WaitStatus
	_, err := syscall.Wait4(atoi(t, read(t, b.bundle.dir+"/exec.pid")), &status, 0, nil)
	must(t, err)
	wants(t, "of a detached exec", read(t, r.stdoutFile), "0  1  2\n")
	wants(t, "of hooks", read(t, b.bundle.dir+"/hooks"), "0  1  2\n0  1  2\n")
	b.does("kill ID 9")
	b.wait()
}

// streams are what an engine gives a command, and reads to the end.
type streams struct{ stdin, stdout, stderr *os.File }

// withPipes runs a command line on pipes, and returns once it has exited.
func (c *caller) withPipes(line string) (streams, int) {
	c.t.Helper()
	var ours streams
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		must(c.t, err)
		c.t.Cleanup(func() { r.Close(); w.Close() })
		return r, w
	}
	in, stdin := pipe()
	stdout, out := pipe()
	stderr, errors := pipe()
	ours = streams{stdin, stdout, stderr}
	replace := strings.NewReplacer("BUNDLE", c.bundle.dir, "ID", c.id, "ROOT", filepath.Join(c.bundle.dir, "state"))
	process, err := os.StartProcess(tare, append([]string{tare}, strings.Fields(replace.Replace(c.globals+" "+line))...), &os.ProcAttr{
		Dir: c.dir, Env: engineEnvironment, Files: []*os.File{in, out, errors},
	})
	must(c.t, err)
	state, err := process.Wait()
	must(c.t, err)
	for _, f := range []*os.File{in, out, errors} {
		f.Close()
	}
	return ours, state.ExitCode()
}

// holders are the processes, other than this one, that have the pipe open.
func holders(t *testing.T, pipe *os.File) (pids []int) {
	t.Helper()
	name := readlink(t, "/proc/self/fd/"+itoa(int(pipe.Fd())))
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	must(t, err)
	for _, link := range links {
		target, _ := os.Readlink(link) // it may be gone
		pid := atoi(t, strings.Split(link, "/")[2])
		if target == name && pid != os.Getpid() && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// atEnd demands that nobody keeps the output open, and returns what was written. Only then is a run or logs --follow over.
func (s streams) atEnd(t *testing.T) (stdout, stderr string) {
	t.Helper()
	var text [2]string
	for i, f := range []*os.File{s.stdout, s.stderr} {
		if left := holders(t, f); len(left) > 0 {
			t.Fatalf("the output is kept open by %v", left)
		}
		must(t, unix.SetNonblock(int(f.Fd()), true))
		for {
			var buffer [4096]byte
			n, err := unix.Read(int(f.Fd()), buffer[:])
			if n <= 0 {
				must(t, err)
				break
			}
			text[i] += string(buffer[:n])
		}
	}
	return text[0], text[1]
}

// B12 C1 D9: the streams of create are the container's alone once create has returned: neither the runtime nor a helper of it
// holds them. The same goes for a detached exec, and every other verb leaves none open at all. What create has to say when
// it fails is there to be read.
func TestStreamsAreNotKept(t *testing.T) {
	c := newCaller(t, "--root ROOT", withArgs("sh", "-c", "read line; echo out $line; echo err >&2"), withUser(1000, 1000))
	c.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"mkdir"}, Action: specs.ActErrno}}}
	if !strings.Contains(run(t, "--version").stdout, "libseccomp") {
		c.spec.Linux.Seccomp = nil // else the helper that compiles the filter has had the streams
	}
	c.writeConfig()
	created, status := c.withPipes("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	if status != 0 {
		_, text := created.atEnd(t)
		t.Fatalf("create: %d %s", status, text)
	}
	c.created("pid")
	onlyInit := func() {
		t.Helper()
		for _, f := range []*os.File{created.stdin, created.stdout, created.stderr} {
			if got := holders(t, f); !slices.Equal(got, []int{c.pid}) {
				t.Errorf("%v have a stream of create, want %d alone", got, c.pid)
			}
			var st unix.Stat_t
			must(t, unix.Fstat(int(f.Fd()), &st))
			if st.Uid != 1000 { // so that the program can open /dev/stderr again
				t.Errorf("a stream of create belongs to %d", st.Uid)
			}
		}
	}
	onlyInit()
	started, _ := c.withPipes("start ID")
	if out, text := started.atEnd(t); out+text != "" {
		t.Errorf("start wrote %q %q", out, text)
	}
	onlyInit()
	for _, verb := range []string{"state ID", "pause ID", "resume ID", "ps --format json ID", "kill ID 0", "exec ID true"} {
		other, status := c.withPipes(verb)
		if _, text := other.atEnd(t); status != 0 || text != "" {
			t.Errorf("%s: %d %q", verb, status, text)
		}
	}
	c.processFile(specs.Process{Args: []string{"sh", "-c", "read line; echo exec $line"}, Cwd: "/", Env: []string{"PATH=/bin"}, User: specs.User{UID: 1001}})
	executed, _ := c.withPipes("exec --detach --process BUNDLE/process.json --pid-file BUNDLE/exec.pid ID")
	pid := atoi(t, read(t, c.bundle.dir+"/exec.pid"))
	if got := holders(t, executed.stdout); !slices.Equal(got, []int{pid}) {
		t.Errorf("%v have the stdout of exec, want %d alone", got, pid)
	}
	var st unix.Stat_t
	must(t, unix.Fstat(int(executed.stderr.Fd()), &st))
	if st.Uid != 1001 {
		t.Errorf("stderr of exec belongs to %d", st.Uid)
	}
	// Both processes are orphans of their runtime, which we get as its subreaper, with their status.
	for _, child := range []int{pid, c.pid} {
		wants(t, "parent of "+itoa(child), statusFields(read(t, "/proc/"+itoa(child)+"/status"), "PPid:"), strconv.Itoa(os.Getpid()))
	}
	_, err := executed.stdin.WriteString("one\n")
	must(t, err)
	_, err = syscall.Wait4(pid, nil, 0, nil)
	must(t, err)
	out, _ := executed.atEnd(t)
	wants(t, "output of exec", out, "exec one\n")
	_, err = created.stdin.WriteString("two\n")
	must(t, err)
	c.wait()
	out, text := created.atEnd(t)
	wants(t, "output", out+text, "out two\nerr\n")
	c.does("delete ID")

	c.spec.Process.Args = []string{"nosuch"}
	c.writeConfig()
	failed, status := c.withPipes("create --bundle BUNDLE ID")
	if _, text := failed.atEnd(t); status != 1 || !strings.Contains(text, "executable file not found in $PATH") {
		t.Errorf("failed create: %d %q", status, text)
	}
}

// K7 C19: conmon and the shim have the kernel kill the runtime when they die. That must not reach a container which create has
// handed over; and what a create that was killed so leaves, delete --force removes.
func TestParentDeathSignal(t *testing.T) {
	handed := newCaller(t, "--root ROOT")
	pidFile := filepath.Join(handed.bundle.dir, "pid")
	root := filepath.Join(handed.bundle.dir, "state")
	if state := fromDyingThread(handed, "--root "+root+" create --pid-file "+pidFile+" "+handed.id, func() {
		poll(func() bool { return exists(pidFile) && orphaned(pidFile) })
	}); !state.Success() {
		t.Fatalf("create ended with %v", state)
	}
	handed.created("pid")
	handed.does("start ID")
	handed.does("kill ID 9")
	if status := handed.wait(); status.Signal() != syscall.SIGKILL {
		t.Errorf("init ended with %v", status)
	}

	killed := newCaller(t, "--root ROOT")
	begun := filepath.Join(killed.bundle.dir, "begun")
	killed.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{shellHook("touch " + begun + "; sleep 0.3")}}
	killed.writeConfig()
	if state := fromDyingThread(killed, "--root "+filepath.Join(killed.bundle.dir, "state")+" create "+killed.id, func() {
		poll(func() bool { return exists(begun) })
	}); state.Success() {
		t.Fatal("create has outlived its parent")
	}
	killed.refuses("start ID", "cannot start a container that has stopped")
	killed.does("delete --force ID")
	killed.nothingLeft()
}

// fromDyingThread runs a command line with a parent-death signal, on a thread that ends when the function returns.
func fromDyingThread(c *caller, line string, until func()) *os.ProcessState {
	c.t.Helper()
	done := make(chan error)
	var state *os.ProcessState
	body := func() {
		process, err := os.StartProcess(tare, append([]string{tare}, strings.Fields(line)...), &os.ProcAttr{
			Dir: c.bundle.dir, Files: []*os.File{nil, nil, os.Stderr}, Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
		})
		if err != nil {
			done <- err
			return
		}
		inits[process.Pid] = true
		until()
		go func() { // on another thread
			var err error
			state, err = process.Wait()
			delete(inits, process.Pid)
			done <- err
		}()
	}
	go func() {
		runtime.LockOSThread()            // for good, so the thread ends with the goroutine,
		if unix.Gettid() != os.Getpid() { // unless it is the first one of the process, which Go keeps
			body()
			return
		}
		defer runtime.UnlockOSThread()
		finished := make(chan bool)
		go func() {
			defer close(finished)
			runtime.LockOSThread()
			body()
		}()
		<-finished
	}()
	must(c.t, <-done)
	return state
}

// poll waits until something holds, or in vain, on a goroutine that may not end the test.
func poll(holds func() bool) {
	for deadline := time.Now().Add(commandTimeout); !holds() && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
}

// orphaned says whether the process that a pid file names has become ours.
func orphaned(pidFile string) bool {
	pid, _ := os.ReadFile(pidFile)
	status, _ := os.ReadFile("/proc/" + string(pid) + "/status")
	return statusFields(string(status), "PPid:") == itoa(os.Getpid())
}

// C2: the working directory is the engine's user's, or anything: one that has been removed, too. --bundle is absolute.
func TestWorkingDirectoryOfTheCaller(t *testing.T) {
	c := newCaller(t, "--root ROOT")
	gone := filepath.Join(c.bundle.dir, "gone")
	c.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	c.created("pid")
	c.does("kill ID 9")
	c.wait()
	c.does("delete ID")
	for _, line := range []string{"create --bundle BUNDLE --pid-file BUNDLE/pid ID", "start ID", "exec ID true", "state ID", "kill ID 9", "delete --force ID"} {
		must(t, os.Mkdir(gone, 0o700))
		replace := strings.NewReplacer("BUNDLE", c.bundle.dir, "ID", c.id)
		script := `cd "$0" && rmdir "$0" && exec "$@"`
		args := append([]string{"sh", "-c", script, gone, tare, "--root", filepath.Join(c.bundle.dir, "state")}, strings.Fields(replace.Replace(line))...)
		null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
		must(t, err)
		stderr := create(t, filepath.Join(t.TempDir(), "stderr"))
		process, err := os.StartProcess("/bin/sh", args, &os.ProcAttr{Env: engineEnvironment, Files: []*os.File{null, null, stderr}})
		must(t, err)
		state, err := process.Wait()
		must(t, err)
		if text := read(t, stderr.Name()); !state.Success() || text != "" {
			t.Errorf("%s: %v %s", line, state, text)
		}
		null.Close()
		stderr.Close()
		if strings.HasPrefix(line, "create") {
			c.created("pid")
		}
	}
	c.wait()
}

// P1 P8: Docker and BuildKit set networks up by a prestart hook, whose program is /proc/PID/exe. It reads the state with the
// pid, runs in the namespaces of the runtime while those of the container are there already, and its failure is create's.
func TestPrestartHookOfDocker(t *testing.T) {
	c := newCaller(t, "--root ROOT --log BUNDLE/log.json --log-format json")
	daemon, err := os.StartProcess(busyboxPath(), []string{"sleep", "600"}, &os.ProcAttr{})
	must(t, err)
	inits[daemon.Pid] = true
	t.Cleanup(func() { daemon.Kill(); daemon.Wait(); delete(inits, daemon.Pid) })
	self := "/proc/" + itoa(daemon.Pid) + "/exe"
	out := filepath.Join(c.bundle.dir, "hook")
	hook := func(end string) {
		c.spec.Hooks = &specs.Hooks{Prestart: []specs.Hook{{ //nolint:staticcheck // as Docker does
			Path: self, Args: []string{"sh", "-c", "cat >" + out + ".state; for ns in net mnt; do readlink /proc/self/ns/$ns; done >" + out + "; " + end},
		}}}
		c.writeConfig()
	}
	hook("exit 0")
	c.does("create --bundle BUNDLE --pid-file BUNDLE/pid ID")
	c.created("pid")
	var state specs.State
	must(t, json.Unmarshal([]byte(read(t, out+".state")), &state))
	if state.Pid != c.pid || state.ID != c.id || state.Status != specs.StateCreating || state.Bundle != c.bundle.dir {
		t.Errorf("the hook has read %+v", state)
	}
	wants(t, "namespaces of the hook", read(t, out), readlink(t, "/proc/self/ns/net")+"\n"+readlink(t, "/proc/self/ns/mnt")+"\n")
	if c.namespace("net") == readlink(t, "/proc/self/ns/net") {
		t.Error("the container has no network namespace of its own")
	}
	c.does("kill ID 9")
	c.wait()
	c.does("delete ID")
	hook("echo 'no such network' >&2; exit 3")
	c.refuses("create --bundle BUNDLE ID", "no such network", "status 3")
	c.nothingLeft()
}
