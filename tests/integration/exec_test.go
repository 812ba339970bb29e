package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// running makes a container that waits for ever.
func running(t *testing.T, options ...option) *bundle {
	t.Helper()
	b := newBundle(t, append([]option{withArgs("sleep", "600")}, options...)...)
	return b.create().start()
}

// exec runs a program in the container, with flags before the id.
func (b *bundle) exec(flags []string, program ...string) result {
	b.t.Helper()
	return b.execWith(invocation{}, flags, program...)
}

func (b *bundle) execWith(i invocation, flags []string, program ...string) result {
	b.t.Helper()
	i.dir = b.dir
	i.args = append(append(append(i.args, append([]string{"exec"}, flags...)...), b.id), program...)
	return invoke(b.t, i)
}

// execs demands that a shell script in the container succeeds, and returns what it prints.
func (b *bundle) execs(script string, flags ...string) string {
	b.t.Helper()
	r := b.exec(flags, "sh", "-c", script)
	if r.status != 0 {
		b.t.Fatal(r)
	}
	return strings.TrimSuffix(r.stdout, "\n")
}

// refuses demands an exec that ends with 255 and an error.
func (r result) refuses(fragments ...string) result {
	r.t.Helper()
	if r.status != 255 {
		r.t.Fatalf("%v, want status 255", r)
	}
	for _, f := range fragments {
		if !strings.Contains(r.message(), f) {
			r.t.Errorf("message %q lacks %q", r.message(), f)
		}
	}
	return r
}

// processFile writes a process as engines do.
func (b *bundle) processFile(p specs.Process) string {
	b.t.Helper()
	text, err := json.Marshal(p)
	must(b.t, err)
	path := filepath.Join(b.dir, "process.json")
	must(b.t, os.WriteFile(path, text, 0o644))
	return path
}

// D2 D20: a program in the container's namespaces, root and cgroup, and its status.
func TestExec(t *testing.T) {
	b := running(t)
	for _, kind := range []string{"mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		wants(t, kind+" namespace", b.execs("readlink /proc/self/ns/"+kind), b.namespace(kind))
	}
	wants(t, "root", b.execs("ls /"), strings.Join(names(t, b.path()), "\n"))
	wants(t, "hostname", b.execs("hostname"), b.spec.Hostname)
	wants(t, "cgroup as the container sees it", b.execs("cat /proc/self/cgroup | grep 0:: || echo 0::/"), "0::/")
	wants(t, "session and descriptors", b.execs("ls -x /proc/$$/fd; exit"), "0  1  2")
	for status := range 3 {
		if r := b.exec(nil, "sh", "-c", "exit "+itoa(status*100)); r.status != status*100 {
			t.Errorf("%v, want status %d", r, status*100)
		}
	}
	if r := b.exec(nil, "sh", "-c", "kill -TERM $$"); r.status != 128+15 {
		t.Errorf("%v, want 128+15", r)
	}
	b.stop()
	b.exec(nil, "true").refuses("cannot exec in a stopped container")
	run(t, "exec", "nosuch", "true").refuses("container does not exist")
	run(t, "exec", b.id).refuses("takes a program")
}

// D1: the process of a file replaces the container's; what is wrong in it is said with its name.
func TestExecProcessFile(t *testing.T) {
	b := running(t)
	file := b.processFile(specs.Process{
		Args: []string{"sh", "-c", "pwd; echo $A; id -u; id -g"}, Cwd: "/tmp", Env: []string{"PATH=/bin", "A=b"}, User: specs.User{UID: 1000, GID: 1001},
	})
	wants(t, "output", b.exec([]string{"--process", file}).succeeds().stdout, "/tmp\nb\n1000\n1001\n")
	for _, row := range []struct {
		name    string
		process specs.Process
		want    string
	}{
		{"no arguments", specs.Process{Cwd: "/"}, "/args: is empty"},
		{"relative directory", specs.Process{Cwd: "x", Args: []string{"true"}}, "/cwd: \"x\": is not an absolute path"},
		{"missing directory", specs.Process{Cwd: "/nosuch", Args: []string{"true"}}, "/cwd: chdir \"/nosuch\": no such file or directory"},
		{"missing program", specs.Process{Cwd: "/", Args: []string{"nosuch"}, Env: []string{"PATH=/bin"}}, "/args/0: exec: \"nosuch\": executable file not found in $PATH"},
		{"unknown limit", specs.Process{Cwd: "/", Args: []string{"true"}, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_X"}}}, "/rlimits/0/type"},
		{"uid that is none", specs.Process{Cwd: "/", Args: []string{"true"}, User: specs.User{UID: 1<<32 - 1}}, "/user/uid"},
	} {
		b.exec([]string{"-p", b.processFile(row.process)}).refuses("process.json " + row.want)
	}
	must(t, os.WriteFile(file, []byte(`{"args": 1}`), 0o644))
	b.exec([]string{"-p", file}).refuses("process.json /args: is a number, want an array")
	b.exec([]string{"-p", "nosuch.json"}).refuses("no such file or directory")
	if left := names(t, b.path()); strings.Contains(strings.Join(left, " "), "nosuch") {
		t.Errorf("a working directory was made: %q", left)
	}
}

// K9: the base of an exec is the configuration as it was created, whatever has become of the bundle.
func TestExecAfterLaterEdits(t *testing.T) {
	b := running(t)
	b.spec.Process.Env = append(b.spec.Process.Env, "EDITED=1")
	b.writeConfig()
	wants(t, "environment", b.execs("echo [$EDITED]"), "[]")
	must(t, os.Remove(filepath.Join(b.dir, "config.json")))
	wants(t, "without a config.json", b.execs("echo ok"), "ok")
}

// D3 D4 D5 D9 D19: environment, user, groups and directory of the command line.
func TestExecFlags(t *testing.T) {
	b := running(t, withProcess(func(p *specs.Process) { p.Env = []string{"PATH=/bin", "A=config", "B=config"} }))
	wants(t, "environment", b.execs("echo $A $B $C $HOME", "-e", "A=flag", "-e", "C=x=y", "-e", "A=last"), "last config x=y /root")
	wants(t, "user", b.execs("id -u; id -g; echo $HOME", "--user", "1000:1001"), "1000\n1001\n/home")
	wants(t, "user without a group", b.execs("id -u; id -g", "-u", "1000"), "1000\n0")
	wants(t, "groups", statusFields(b.execs("cat /proc/self/status", "-g", "5", "-g", "7"), "Groups:"), "5 7")
	wants(t, "directory", b.execs("pwd", "--cwd", "/tmp"), "/tmp")
	wants(t, "no_new_privs", statusFields(b.execs("cat /proc/self/status", "--no-new-privs"), "NoNewPrivs:"), "1")
	b.exec([]string{"--cwd", "tmp"}, "true").refuses("--cwd", "is not an absolute path")
	b.exec([]string{"--cwd", "/nosuch"}, "true").refuses("chdir \"/nosuch\": no such file or directory")
	b.exec([]string{"--env", "A"}, "true").refuses("--env", "is not NAME=VALUE")
	b.exec([]string{"-g", "-1"}, "true").refuses("--additional-gids")
}

// D4, CVE-2026-30892: a user is one or two decimal numbers; whatever else is an error and never another user.
func TestExecUserIsStrict(t *testing.T) {
	b := running(t)
	for _, user := range []string{
		" ", "0x1", "1:", ":1", "-1", " 1", "1 ", "1:2:3", "4294967296", "4294967295", "1a", "+1", "1:-1", "1:0x0", "٣", "root", "1.0", "1e3", "18446744073709551616",
	} {
		b.exec([]string{"--user=" + user}, "id").refuses("--user", "is not UID or UID:GID")
	}
	wants(t, "the highest", b.execs("id -u", "--user", "4294967294"), "4294967294")
}

// D8, CVE-2022-29162, CVE-2022-27650, CVE-2025-27612, CVE-2022-24769: --cap adds to what the program may use and never to what it hands on.
func TestExecCapabilities(t *testing.T) {
	list, inheritable := []string{"CAP_CHOWN"}, []string{"CAP_KILL"}
	b := running(t, withProcess(func(p *specs.Process) {
		p.NoNewPrivileges = false
		p.Capabilities = &specs.LinuxCapabilities{Bounding: append(inheritable, list...), Effective: list, Permitted: list, Inheritable: inheritable}
	}))
	caps := func(flags ...string) [5]uint64 { return capabilitySets(t, b.execs("cat /proc/self/status", flags...)) }
	// Root has what is bounding or inheritable after execve, whatever was permitted before (capabilities(7)).
	const bounding, more = capChown | capKill, capChown | capKill | capNetBindService
	if got := caps(); got != [5]uint64{capKill, bounding, bounding, bounding, 0} {
		t.Errorf("as configured: %x", got)
	}
	if got := caps("--cap", "CAP_NET_BIND_SERVICE"); got != [5]uint64{capKill, more, more, more, 0} {
		t.Errorf("added: %x", got)
	}
	if got := caps("-c", "net_bind_service", "-u", "1000"); got != [5]uint64{capKill, 0, 0, more, 0} {
		t.Errorf("for a user: %x", got)
	}
	if got := caps("--cap", "CAP_KILL", "-u", "1000"); got != [5]uint64{capKill, capKill, capKill, bounding, capKill} {
		t.Errorf("ambient where it is inheritable: %x", got)
	}
	b.exec([]string{"--cap", "CAP_NOSUCH"}, "true").refuses("--cap", "is not a capability")
}

// D11 D12: an exec in a created container and in a paused one.
func TestExecStatus(t *testing.T) {
	b := newBundle(t, withArgs("sleep", "600"))
	b.create()
	wants(t, "in a created container", b.execs("echo ok"), "ok")
	b.start()
	b.try("pause").succeeds()
	b.exec(nil, "true").refuses("cannot exec in a paused container (use --ignore-paused to override)")
	done := make(chan result, 1)
	r := b.execWith(invocation{whileItRuns: func(*os.Process) {
		time.Sleep(50 * time.Millisecond) // it must not have ended; longer proves no more
		b.try("resume").succeeds()
	}}, []string{"--ignore-paused"}, "echo", "thawed")
	done <- r.succeeds()
	wants(t, "output", (<-done).stdout, "thawed\n")
}

// D11 C32: an exec keeps a pause away until its program runs, and no longer.
func TestPauseDuringExec(t *testing.T) {
	b := running(t)
	b.execWith(invocation{whileItRuns: func(*os.Process) {
		eventually(t, "the program runs", func() bool { return exists(b.path("tmp/ready")) })
		b.try("pause").succeeds()
		b.checkPaused(true, "paused")
		b.try("resume").succeeds()
		b.execs("rm /tmp/ready")
	}}, nil, "sh", "-c", "touch /tmp/ready; while [ -e /tmp/ready ]; do sleep 0.01; done").succeeds()
}

// D2 D9: the terminal is that of the container's first process, and no other's.
func TestExecBesideTerminal(t *testing.T) {
	b := newBundle(t, withArgs("sleep", "600"))
	b.spec.Process.Terminal = true
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.create("--console-socket", socket.path)
	master, _ := socket.receive()
	defer syscall.Close(master)
	b.start()
	wants(t, "output", b.execs("[ -t 1 ] && echo terminal || echo none"), "none")
}

// D9 A7: detached, with the pid in a file; the process is an orphan that the caller's subreaper waits for.
func TestExecDetached(t *testing.T) {
	b := running(t)
	pidFile := filepath.Join(b.dir, "exec.pid")
	b.exec([]string{"--detach", "--pid-file", pidFile}, "sh", "-c", "exit 9").succeeds()
	pid := atoi(t, read(t, pidFile))
	var status syscall.WaitStatus
	eventually(t, "the process ends", func() bool {
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		must(t, err)
		return got == pid
	})
	if status.ExitStatus() != 9 {
		t.Errorf("status %v", status)
	}
	b.exec([]string{"-d", "--pid-file", pidFile + "2"}, "nosuch").refuses("executable file not found in $PATH")
	if exists(pidFile + "2") {
		t.Error("there is a pid file of a program that does not run")
	}
	b.exec([]string{"--pidfd-socket", "/no/such"}, "true").refuses("/no/such")
	b.exec([]string{"-d", "--tty"}, "true").refuses("cannot allocate tty if", "will detach without setting console socket")
}

// C13: signals to a foreground exec are its program's.
func TestExecSignals(t *testing.T) {
	b := running(t)
	ready := b.path("tmp/ready")
	r := b.execWith(invocation{whileItRuns: func(p *os.Process) {
		eventually(t, "the program is ready", func() bool { return exists(ready) })
		must(t, p.Signal(syscall.SIGUSR1))
	}}, nil, "sh", "-c", "trap 'exit 33' USR1; touch /tmp/ready; while :; do sleep 0.01; done")
	if r.status != 33 {
		t.Errorf("%v, want 33", r)
	}
}

// D16 D17 E26 E27: what the process is given besides its identity.
func TestExecResources(t *testing.T) {
	b := running(t)
	adj := 500
	p := specs.Process{
		Args: []string{"sh", "-c", "cat /proc/self/oom_score_adj; ulimit -n; grep Cpus_allowed_list /proc/self/status"}, Cwd: "/", Env: []string{"PATH=/bin"},
		OOMScoreAdj: &adj, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 64}},
		ExecCPUAffinity: &specs.CPUAffinity{Initial: "0-1", Final: "0"},
	}
	wants(t, "output", b.exec([]string{"-p", b.processFile(p)}).succeeds().stdout, "500\n64\nCpus_allowed_list:\t0\n")
	p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0"}
	wants(t, "initial alone", b.exec([]string{"-p", b.processFile(p)}).succeeds().stdout, "500\n64\nCpus_allowed_list:\t0\n")
	p.ExecCPUAffinity = &specs.CPUAffinity{Final: "1000"}
	b.exec([]string{"-p", b.processFile(p)}).refuses("/execCPUAffinity/final", "sched_setaffinity")
	p.ExecCPUAffinity = &specs.CPUAffinity{Final: "1-"}
	b.exec([]string{"-p", b.processFile(p)}).refuses("/execCPUAffinity/final", "is not a list of CPUs")
}

// D16 E22: Docker gives every exec an OOM score, also in a user namespace, whose root may not set it.
func TestExecOOMScoreInUserNamespace(t *testing.T) {
	b := running(t, withUserNamespace)
	for _, adj := range []int{0, 500} {
		p := specs.Process{Args: []string{"cat", "/proc/self/oom_score_adj"}, Cwd: "/", Env: []string{"PATH=/bin"}, OOMScoreAdj: &adj}
		wants(t, "score", b.exec([]string{"-p", b.processFile(p)}).succeeds().stdout, itoa(adj)+"\n")
	}
}

// D15: the filter of the container holds for an exec, whether or not it has no_new_privs.
func TestExecSeccomp(t *testing.T) {
	b := running(t, withSeccomp(t, specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{syscallRule(specs.ActErrno, new(uint(77)), "mkdir", "mkdirat")},
	}))
	for _, flags := range [][]string{nil, {"--no-new-privs"}} {
		r := b.exec(flags, "sh", "-c", "mkdir /x 2>&1; grep Seccomp: /proc/self/status")
		if !strings.Contains(r.stdout, "File descriptor in bad state") || !strings.Contains(r.stdout, "Seccomp:\t2") {
			t.Errorf("%q: %v", flags, r)
		}
	}
}

// D15 O14: an exec has a listener of its own, which goes to the agent with the state of a running container.
func TestExecSeccompNotify(t *testing.T) {
	b := newBundle(t, withArgs("sleep", "600"))
	b.spec.Linux.Seccomp = notifyProfile(b, "mkdir", "mkdirat")
	first := newAgent(t, b, goOn)
	b.create().start()
	first.stop()
	must(t, os.Remove(filepath.Join(b.dir, "agent")))
	second := newAgent(t, b, makesNode)
	r := b.exec(nil, "sh", "-c", "mkdir /x 2>&1")
	second.stop()
	if !strings.Contains(r.stdout, "No medium found") {
		t.Errorf("%v", r)
	}
	if second.state.State.Status != "running" || second.state.State.Pid != b.pid || second.state.Pid == b.pid || second.state.Pid == 0 {
		t.Errorf("state %+v", second.state)
	}
}

// D13: an exec is in the container's cgroup, and where the container has delegated its own to cgroups below, beside init.
func TestExecCgroup(t *testing.T) {
	b := running(t)
	for _, mount := range cgroupMounts(t) {
		procs := filepath.Join(mount, b.id, "cgroup.procs")
		if !exists(procs) {
			continue
		}
		r := b.execWith(invocation{whileItRuns: func(*os.Process) {
			eventually(t, "two processes are in "+procs, func() bool { return strings.Count(read(t, procs), "\n") >= 2 })
			must(t, os.WriteFile(b.path("tmp/go"), nil, 0o644))
		}}, nil, "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.01; done; rm /tmp/go")
		r.succeeds()
	}
}

// D10: a cgroup below the container's; nothing leads out of it.
func TestExecSubCgroup(t *testing.T) {
	b := running(t)
	for _, mount := range cgroupMounts(t) {
		dir := filepath.Join(mount, b.id)
		if !exists(dir) {
			continue
		}
		for _, below := range []string{dir + "/a", dir + "/a/b"} {
			must(t, os.Mkdir(below, 0o755))
			for _, file := range []string{"/cpuset.cpus", "/cpuset.mems"} { // empty at first in cgroup v1, and then good for nothing
				if exists(below + file) {
					must(t, os.WriteFile(below+file, []byte(strings.TrimSpace(read(t, dir+file))), 0o644))
				}
			}
		}
	}
	wants(t, "below", b.execs("grep -c ':/a/b$' /proc/self/cgroup >/dev/null && echo yes", "--cgroup", "a/b"), "yes")
	wants(t, "with a slash", b.execs("grep ':/a$' /proc/self/cgroup >/dev/null && echo yes", "--cgroup", "/a"), "yes")
	for _, place := range []string{"../x", "..", "a/../../x", "/../..", "a/b/../../.."} {
		b.exec([]string{"--cgroup", place}, "true").refuses("--cgroup", "not allowed in it")
	}
	b.exec([]string{"--cgroup", "nosuch"}, "true").refuses("--cgroup", "no such file or directory", "must exist")
	b.exec([]string{"--cgroup", "nosuch:a"}, "true").refuses("--cgroup", "no cgroup of cgroup v1")
}

// Q1 H7 D9: a terminal of the container's devpts, by the console socket or in the foreground.
func TestExecTerminal(t *testing.T) {
	b := running(t)
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.exec([]string{"-d", "-t", "--console-socket", socket.path}, "sh", "-c", "tty; (: </dev/tty) && echo controlling; read line; echo got $line").succeeds()
	masterFd, name := socket.receive()
	screen := newScreen(t, masterFd)
	wants(t, "name", name, "/dev/pts/0")
	screen.shows("/dev/pts/0\r\ncontrolling\r\n")
	screen.input("hello\n")
	screen.shows("got hello\r\n")

	user := newPty(t)
	user.master.resize(11, 22)
	before := user.settings()
	r := b.execWith(invocation{terminal: user.slave, whileItRuns: func(*os.Process) {
		user.master.shows("size 11 22\r\n")
		user.master.resizesUntil(44, 55, "size 44 55\r\n")
		user.master.input("\r")
	}}, []string{"--tty"}, "sh", "-c", "trap 'echo size $(stty size)' WINCH; echo size $(stty size); until read line; do :; done; exit 6")
	if r.status != 6 {
		t.Errorf("%v, want 6; screen %q", r, user.master.text)
	}
	if user.settings() != before {
		t.Error("the terminal is not as it was before")
	}
	b.exec([]string{"--console-socket", socket.path}, "true").refuses("cannot use console socket")
}

// D6 C9 Q4: descriptors out of an exec and into it.
func TestExecDescriptors(t *testing.T) {
	b := running(t)
	socket := listen(t, filepath.Join(b.dir, "s"))
	b.exec([]string{"--pidfd-socket", socket.path, "-d"}, "sleep", "600").succeeds()
	fd, _ := socket.receive()
	defer syscall.Close(fd)
	if info := read(t, "/proc/self/fdinfo/"+itoa(fd)); !strings.Contains(info, "Pid:\t") {
		t.Errorf("no pidfd: %s", info)
	}
	r := b.execWith(invocation{extra: extraFiles(t, 3, 4, 60)}, []string{"--preserve-fds", "2"}, "sh", "-c", "cat <&4; ls -x /proc/$$/fd; exit")
	wants(t, "preserved", r.succeeds().stdout, "descriptor 4\n0  1  2  3  4\n")
	b.execWith(invocation{extra: extraFiles(t, 3, 6)}, []string{"--preserve-fds", "2"}, "true").refuses("preserve-fds", `"4"`)
	r = b.execWith(invocation{extra: extraFiles(t, 3), env: []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=x"}}, nil, "sh", "-c", "echo $LISTEN_FDS $LISTEN_FDNAMES; [ $LISTEN_PID = $$ ] && cat <&3")
	wants(t, "activation", r.succeeds().stdout, "1 x\ndescriptor 3\n")
}

// D21: the streams belong to the user of the exec; /dev/null never does.
func TestExecStreams(t *testing.T) {
	b := running(t)
	r := b.exec([]string{"-u", "1000"}, "sh", "-c", "stat -L -c %u /dev/fd/1; echo again >>/dev/stdout")
	wants(t, "output", r.succeeds().stdout, "1000\nagain\n")
}

// Without a mount namespace of its own the root of the container has to be entered.
func TestExecInChroot(t *testing.T) {
	b := newBundle(t, withArgs("sleep", "600"), func(s *specs.Spec) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Mounts, s.Hostname, s.Root.Readonly = nil, nil, nil, "", false
	})
	b.create().start()
	wants(t, "root", b.execs("ls /"), strings.Join(names(t, b.path()), "\n"))
	b.stop()
}
