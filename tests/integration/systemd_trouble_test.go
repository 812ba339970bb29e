package integration

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The systemd cgroup driver when something is in the way.

func mkfifo(t *testing.T, path string) {
	t.Helper()
	must(t, unix.Mkfifo(path, 0o666))
}

// B7: where systemd is not the init, the error says what is missing.
func TestSystemdAbsent(t *testing.T) {
	if exists("/run/systemd/system") {
		t.Skip("systemd is the init of this machine")
	}
	b := newBundle(t)
	for _, flags := range [][]string{{"--systemd-cgroup"}, {"--cgroup-manager=systemd"}} {
		b.tryWith(invocation{args: flags}, "create").fails("systemd is not the init of this machine", "/run/systemd/system", "--systemd-cgroup")
		b.nothingLeft()
	}
}

// J40: a failed unit of the same name makes room.
func TestSystemdFailedUnit(t *testing.T) {
	s := newScope(t)
	otherUnit(t, s.unit, "--property=CollectMode=inactive", "--property=RuntimeMaxSec=100ms", "sleep", "600")
	eventually(t, "the other unit has failed", func() bool { return s.property("ActiveState") == "failed" })
	s.create()
	wants(t, "state", s.property("ActiveState"), "active")
	s.stop()
}

// A unit that is not ours is neither taken nor stopped.
func TestSystemdUnitOfAnother(t *testing.T) {
	s := newScope(t)
	other := s.unit
	otherUnit(t, other, "--description=somebody else's", "sleep", "600")
	s.tryWith(systemdCgroup, "create").fails("config.json /linux/cgroupsPath: ", other, "active", "somebody else's")
	s.nothingLeft()
	wants(t, "the other unit", s.property("ActiveState"), "active")

	// Nor by what is left of a create that was killed before it could ask for the unit.
	create := exec.Command(tare, "--root", stateRoot(), "--systemd-cgroup", "create", s.id)
	create.Dir = s.bundle.dir
	address, seen := proxyUntil(t, "StartTransientUnit")
	create.Env = append(os.Environ(), address)
	must(t, create.Start())
	inits[create.Process.Pid] = true
	defer delete(inits, create.Process.Pid)
	<-seen
	must(t, create.Process.Kill())
	_ = create.Wait()
	wants(t, "status", s.state().Status, "stopped")
	s.try("delete", "--force").succeeds()
	s.nothingLeft()
	wants(t, "the other unit after delete", s.property("ActiveState"), "active")
	systemctl(t, "stop", other)
}

// K7 C19: the unit of a create that was killed goes with delete --force, whatever runs in it by then.
func TestSystemdCreateKilled(t *testing.T) {
	s := newScope(t)
	create, release := createWithSlowHook(s.bundle, "createRuntime", systemdCgroup.args...)
	defer delete(inits, create.Process.Pid)
	wants(t, "state", s.property("ActiveState"), "active")
	straggler := startSleep(t)
	must(t, os.WriteFile(filepath.Join(s.dir, "cgroup.procs"), []byte(itoa(straggler.Pid)), 0))
	must(t, create.Process.Signal(syscall.SIGKILL))
	create.Wait()
	release()
	wants(t, "status", s.state().Status, "stopped")
	s.try("delete", "--force").succeeds()
	s.unitGone()
	s.nothingLeft()
	_, err := straggler.Wait()
	must(t, err)
}

// A stopped container, whose unit systemd has collected, has no claim on a later unit of that name.
func TestSystemdNameUsedAgain(t *testing.T) {
	first, second := newScope(t), newScope(t)
	second.spec.Linux.CgroupsPath = first.spec.Linux.CgroupsPath
	first.create().start()
	first.stop()
	eventually(t, "systemd has collected the unit", func() bool { return first.property("LoadState") == "not-found" })
	second.createWith(systemdCgroup)
	second.bundle.start()
	invoke(t, invocation{args: []string{"kill", "--all", first.id, "KILL"}}).succeeds()
	first.try("delete", "--force").succeeds()
	wants(t, "the second container", second.state().Status, "running")
	wants(t, "its unit", first.property("ActiveState"), "active")
	second.stop()
	second.try("delete").succeeds()
}

// J39: a systemd that accepts and never answers ends create in bounded time, with nothing left.
func TestSystemdSilent(t *testing.T) {
	b := newBundle(t)
	skipUnless(t, unifiedMount(t) == "/sys/fs/cgroup", "needs cgroup v2 alone; tests/cgroup2-view shows that")
	path := filepath.Join(workspace, "silent", "systemd", "private")
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	listener, err := net.Listen("unix", path)
	must(t, err)
	defer listener.Close()
	i := invocation{args: []string{"--systemd-cgroup"}, env: []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + path}}
	b.tryWith(i, "create").fails("connect to systemd at", path, "did not answer within 20s")
	b.nothingLeft()
}

// J39: so does one that falls silent when the scope is to be made. The error names the unit.
func TestSystemdFallsSilent(t *testing.T) {
	s := newScope(t)
	address, _ := proxyUntil(t, "StartTransientUnit")
	begun := time.Now()
	i := invocation{args: []string{"--systemd-cgroup"}, env: []string{address}}
	s.tryWith(i, "create").fails("start unit", s.unit, "timed out", "did not finish within 20s")
	if took := time.Since(begun); took < 19*time.Second {
		t.Errorf("took %v: that was something else", took)
	}
	s.nothingLeft()
	s.unitGone()
}

// J39 JU9: so does an update, which puts back what it has written and says what it could not tell systemd.
func TestSystemdUpdateFallsSilent(t *testing.T) {
	s := newScope(t, withResources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20))} })).create()
	address, _ := proxyUntil(t, "SetUnitProperties")
	s.tryWith(invocation{env: []string{address}}, "update", "--memory", "134217728").
		fails("set properties of unit", s.unit, "timed out", "did not finish within 20s", "NOT everything could be put back", "within 3s")
	s.wantFiles("memory.max=67108864")
	systemctl(t, "daemon-reload")
	s.wantFiles("memory.max=67108864")
	s.stop()
}

// proxyUntil stands between tare and systemd until a word is said, and passes on nothing from then on. address is the
// variable that leads tare here; seen is closed when the word has been said.
func proxyUntil(t *testing.T, word string) (address string, seen chan struct{}) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "systemd", "private")
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	listener, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	seen = make(chan struct{})
	silence := sync.OnceFunc(func() { close(seen) })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go passUntil(client, word, silence)
		}
	}()
	return "DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + path, seen
}

func passUntil(client net.Conn, word string, silence func()) {
	defer client.Close()
	server, err := net.Dial("unix", "/run/systemd/private")
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(client, server)
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte(word)) {
			silence()
			io.Copy(io.Discard, client)
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// startSleep starts a process of ours, which SIGKILL alone ends.
func startSleep(t *testing.T) *os.Process {
	t.Helper()
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "trap '' TERM HUP INT; exec sleep 600"}, &os.ProcAttr{})
	must(t, err)
	inits[p.Pid] = true
	t.Cleanup(func() {
		_ = p.Kill()
		_, _ = p.Wait()
		delete(inits, p.Pid)
	})
	return p
}

// J2: what systemd keeps of the container's name does not depend on how long that is.
func TestSystemdLongNames(t *testing.T) {
	s := newScope(t)
	s.spec.Linux.CgroupsPath = "system.slice::" + strings.Repeat("n", 300)
	s.tryWith(systemdCgroup, "create").fails("config.json /linux/cgroupsPath: ", "cannot be the name of a unit")
	s.nothingLeft()
}

// J2: over the system bus, as where systemd's own socket cannot be reached.
func TestSystemdThroughBus(t *testing.T) {
	s := newScope(t, withResources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20))} }))
	i := invocation{args: []string{"--systemd-cgroup"}, env: []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket"}}
	s.createWith(i)
	s.wantProperties("ActiveState=active\n MemoryMax=67108864")
	s.start()
	s.tryWith(i, "update", "--memory", "134217728").succeeds()
	s.wantProperties("MemoryMax=134217728")
	s.stop()
	s.tryWith(i, "delete").succeeds()
	s.unitGone()
}

// J39: a systemd that executes itself anew, as when it is upgraded, hangs up on everybody.
func TestSystemdDuringReexec(t *testing.T) {
	s := newScope(t)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = exec.Command("systemctl", "daemon-reexec").Run()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 3 {
		s.create()
		wants(t, "cgroup of init", strings.TrimSpace(read(t, "/proc/"+itoa(s.pid)+"/cgroup")), "0::/system.slice/"+s.unit)
		s.stop()
		s.try("delete").succeeds()
	}
}

// The unit is known as ours whatever the runtime root is called, after a reload too.
func TestSystemdOddRoot(t *testing.T) {
	s := newScope(t)
	root := filepath.Join(workspace, `a %n\x20 b`+"\n\xff")
	must(t, os.Mkdir(root, 0o700))
	s.createWith(invocation{args: []string{"--root", root, "--systemd-cgroup"}})
	systemctl(t, "daemon-reload")
	straggler := startSleep(t)
	must(t, os.WriteFile(filepath.Join(s.dir, "cgroup.procs"), []byte(itoa(straggler.Pid)), 0))
	s.tryWith(invocation{args: []string{"--root", root}}, "delete", "--force").succeeds()
	s.unitGone()
	_, err := straggler.Wait()
	must(t, err)
}

// J3: a user without a systemd of its own is told how to get one.
func TestSystemdUserWithoutSession(t *testing.T) {
	s := newScope(t)
	s.readableByAll()
	s.mapRootTo(54321)
	r := s.planAs(54321, nil)
	r.fails("the user's systemd", "/run/user/54321", "loginctl enable-linger")
	dir := filepath.Join(workspace, "no session")
	must(t, os.Mkdir(dir, 0o755))
	r = s.planAs(54321, []string{"XDG_RUNTIME_DIR=" + dir})
	r.fails("the user's systemd", "/no%20session/systemd/private", "no such file or directory", "loginctl enable-linger")
}

// J3 J10: the container of a user is below that user's systemd.
func TestSystemdUserPlace(t *testing.T) {
	s := newScope(t)
	s.readableByAll()
	s.spec.Linux.CgroupsPath = "::" + s.id
	uid := sessionUser(t)
	s.mapRootTo(uid)
	above := strings.TrimSpace(systemctl(t, "show", "--property=ControlGroup", "--value", "user@"+itoa(uid)+".service"))
	for _, env := range []string{"XDG_RUNTIME_DIR=/run/user/" + itoa(uid), "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/" + itoa(uid) + "/bus"} {
		plan := s.planAs(uid, []string{env}).succeeds().stdout
		if want := above + "/user.slice/" + s.id + ".scope"; !strings.Contains(plan, want) {
			t.Errorf("%s: plan lacks %s:\n%s", env, want, plan)
		}
	}
}

// sessionUser returns a user whose systemd runs.
func sessionUser(t *testing.T) int {
	t.Helper()
	for line := range strings.Lines(read(t, "/etc/passwd")) {
		fields := strings.Split(line, ":")
		if uid, err := strconv.Atoi(fields[2]); err == nil && uid >= 1000 && uid < 60000 {
			unit := "user@" + fields[2] + ".service"
			systemctl(t, "start", "systemd-logind.service", unit)
			return uid
		}
	}
	skipUnless(t, false, "this machine has no user but root")
	return 0
}

// mapRootTo makes a container that a user without subordinate ids can have.
func (b *bundle) mapRootTo(uid int) {
	one := []specs.LinuxIDMapping{{HostID: uint32(uid), Size: 1}}
	b.spec.Linux.UIDMappings, b.spec.Linux.GIDMappings = one, one
	b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
}

// readableByAll lets other users find the bundle.
func (b *bundle) readableByAll() {
	b.t.Helper()
	must(b.t, os.Chmod(workspace, 0o755))
	b.t.Cleanup(func() { must(b.t, os.Chmod(workspace, 0o700)) })
	b.writeConfig()
}

// planAs has another user plan the container, which takes no privilege.
func (b *bundle) planAs(uid int, env []string) result {
	b.t.Helper()
	b.writeConfig()
	var stdout, stderr strings.Builder
	args := []string{"--root", filepath.Join(b.dir, "state"), "--systemd-cgroup", "plan", "--bundle", b.dir, b.id}
	// In the mount namespace of the host, where the sessions of users have their directories.
	user := []string{"--mount=/proc/1/ns/mnt", "setpriv", "--reuid=" + itoa(uid), "--regid=" + itoa(uid), "--clear-groups", "--"}
	c := exec.Command("nsenter", append(append(user, tare), args...)...)
	c.Stdout, c.Stderr = &stdout, &stderr
	c.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	if err := c.Run(); err != nil && c.ProcessState == nil {
		b.t.Fatal(err)
	}
	return result{t: b.t, args: args, status: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// B2 B6: an error reaches the journal, under the name that --log gives it.
func TestSystemdJournal(t *testing.T) {
	requireSystemd(t)
	name := "tare-it-" + itoa(os.Getpid())
	run(t, "--log", "journald:"+name, "state", "tare-it-none").fails("container does not exist")
	var line string
	eventually(t, "the message is in the journal", func() bool {
		out, _ := exec.Command("journalctl", "--identifier", name, "--priority", "err", "--output", "cat", "--no-pager", "--quiet").Output()
		line = strings.TrimSpace(string(out))
		return line != ""
	})
	wants(t, "message", line, "state tare-it-none: container does not exist")
}
