package cgrouptest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Manager is what the suite asks of an implementation.
type Manager interface {
	Create() error
	UnifiedFd() (int, error)
	Add(pid int, unified bool) error
	Set(r *specs.LinuxResources) error
	SetDevices(rules []specs.LinuxDeviceCgroup, cacheDir string) (notCached, err error)
	Procs() ([]int, error)
	Kill() error
	Signal(sig unix.Signal) error
	Freeze(timeout time.Duration) error
	Thaw() error
	Frozen() (bool, error)
	WaitEmpty(timeout time.Duration) error
	Destroy(timeout time.Duration) error
	Close()
}

// Subject is an implementation under test.
type Subject struct {
	// New returns the manager of a cgroup; nothing exists yet.
	New func(t *testing.T, path string) Manager
	// Reload returns the manager as a later command would build it.
	Reload func(t *testing.T, m Manager) Manager
	// Dirs returns the directories of the cgroup at path, one for each hierarchy.
	Dirs func(path string) []string
	// OnDemand says that the cgroup exists from the first process to the last, and that somebody else makes and removes it.
	OnDemand bool
}

const timeout = 5 * time.Second

// Run runs the suite. It needs root, or a part of the tree that the user may change.
func Run(t *testing.T, s Subject) {
	for _, tc := range []struct {
		name string
		run  func(*testing.T, Subject)
		ours bool // about directories that the implementation makes itself
	}{
		{"J1 J2 J4 life of a cgroup", life, false},
		{"J12 parents", parents, true},
		{"J11 cgroup in use", inUse, true},
		{"J11 cgroup of another", inUseOnDemand, false},
		{"J38 cgroups below", below, false},
		{"J37 freeze and kill", freezeAndKill, false},
		{"J38 frozen cgroup below", frozenBelow, false},
		{"signal", signal, false},
		{"destroy names what is left", left, false},
		{"H11 H13 device rules", devices, false},
		{"J11 failed create leaves nothing", failedCreate, true},
	} {
		if !tc.ours || !s.OnDemand {
			t.Run(tc.name, func(t *testing.T) { tc.run(t, s) })
		}
	}
}

// path returns a cgroup path that no other test uses.
func path(t *testing.T) string {
	return "/tare-test-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
}

// create makes a cgroup that is removed at the end of the test, processes and all.
func create(t *testing.T, s Subject, path string) Manager {
	t.Helper()
	m := s.New(t, path)
	check(t, m.Create())
	t.Cleanup(func() {
		check(t, m.Kill())
		check(t, m.Destroy(timeout))
		m.Close()
	})
	return m
}

func life(t *testing.T, s Subject) {
	path := path(t)
	m := create(t, s, path)
	wantDirs(t, s, path, !s.OnDemand)
	p := Start(t, m)
	wantDirs(t, s, path, true)
	wantProcs(t, m, p.Pid())

	later := s.Reload(t, m)
	defer later.Close()
	wantProcs(t, later, p.Pid())
	check(t, later.Kill())
	check(t, later.WaitEmpty(timeout))
	<-p.Exited()
	wantProcs(t, later)
	check(t, later.Destroy(timeout))
	wantDirs(t, s, path, false)

	check(t, later.Destroy(timeout))
	check(t, later.Kill())
	wantProcs(t, later)
}

func parents(t *testing.T, s Subject) {
	top := path(t)
	a := create(t, s, top+"/pod/a")
	b := create(t, s, top+"/pod/b")
	check(t, a.Destroy(timeout)) // made the parents, but b is in them
	wantDirs(t, s, top+"/pod/a", false)
	wantDirs(t, s, top+"/pod/b", true)
	check(t, b.Destroy(timeout)) // found the parents there
	wantDirs(t, s, top+"/pod", true)
	check(t, a.Destroy(timeout)) // a repeated delete finishes the job
	wantDirs(t, s, top, false)

	c := create(t, s, top+"/pod/c")
	check(t, c.Destroy(timeout))
	wantDirs(t, s, top, false)
}

func inUse(t *testing.T, s Subject) {
	path := path(t)
	p := Start(t, create(t, s, path))
	other := s.New(t, path)
	defer other.Close()
	if err := other.Create(); err == nil {
		t.Fatal("a cgroup with a process in it was accepted")
	}
	check(t, other.Kill()) // must not touch what is not its own
	check(t, other.Destroy(timeout))
	if p.Ask("ping") != "ok" {
		t.Error("the process of the first container was killed")
	}

	empty := create(t, s, path+"-empty")
	again := s.New(t, path+"-empty")
	defer again.Close()
	check(t, again.Create())
	setDevices(t, again)
	check(t, again.Destroy(timeout)) // it was there before, so it stays
	wantDirs(t, s, path+"-empty", true)
	check(t, empty.Freeze(timeout))
	frozen := s.New(t, path+"-empty")
	defer frozen.Close()
	if err := frozen.Create(); err == nil {
		t.Error("a frozen cgroup was accepted")
	}
}

// inUseOnDemand: a cgroup that has a process is not given to another one, and is not touched when that fails.
func inUseOnDemand(t *testing.T, s Subject) {
	path := path(t)
	p := Start(t, create(t, s, path))
	other := s.New(t, path)
	defer other.Close()
	err := other.Create()
	if err == nil {
		cmd := exec.Command("sleep", "600")
		check(t, cmd.Start())
		err = other.Add(cmd.Process.Pid, false)
		check(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	if err == nil {
		t.Error("a cgroup with a process in it was accepted")
	}
	wantProcs(t, other)
	check(t, other.Kill())
	check(t, other.Destroy(timeout))
	if p.Ask("ping") != "ok" {
		t.Error("the process of the first container was killed")
	}
}

// below: what a container with a writable cgroup mount makes, goes with it, also if processes are in it.
func below(t *testing.T, s Subject) {
	path := path(t)
	m := create(t, s, path)
	p := Start(t, m)
	for _, dir := range s.Dirs(path) {
		check(t, os.MkdirAll(filepath.Join(dir, "x/y/z"), 0o755))
		check(t, os.MkdirAll(filepath.Join(dir, "v"), 0o755))
		if !strings.Contains(dir, "cpuset") { // of v1, where a new one takes no process
			check(t, os.WriteFile(filepath.Join(dir, "x/y/z/cgroup.procs"), []byte(strconv.Itoa(p.Pid())), 0))
		}
	}
	wantProcs(t, m, p.Pid())
	check(t, m.Kill())
	check(t, m.Destroy(timeout))
	wantDirs(t, s, path, false)
}

func freezeAndKill(t *testing.T, s Subject) {
	m := create(t, s, path(t))
	p := Start(t, m)
	check(t, m.Freeze(timeout))
	wantFrozen(t, m, true)
	answered := make(chan string, 1)
	go func() { answered <- p.Ask("ping") }()
	select {
	case <-answered:
		t.Fatal("a frozen process answers")
	case <-time.After(20 * time.Millisecond):
	}
	check(t, m.Thaw())
	wantFrozen(t, m, false)
	if got := <-answered; got != "ok" {
		t.Fatalf("thawed process says %q", got)
	}
	check(t, m.Freeze(timeout))
	check(t, m.Kill())
	check(t, m.WaitEmpty(timeout))
	check(t, m.Destroy(timeout))
}

func frozenBelow(t *testing.T, s Subject) {
	path := path(t)
	m := create(t, s, path)
	p := Start(t, m)
	for _, dir := range s.Dirs(path) {
		sub := filepath.Join(dir, "sub")
		for file, value := range map[string]string{"cgroup.freeze": "1", "freezer.state": "FROZEN"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				check(t, os.Mkdir(sub, 0o755))
				check(t, os.WriteFile(filepath.Join(sub, "cgroup.procs"), []byte(strconv.Itoa(p.Pid())), 0))
				check(t, os.WriteFile(filepath.Join(sub, file), []byte(value), 0))
			}
		}
	}
	check(t, m.Kill())
	check(t, m.Destroy(timeout))
}

func signal(t *testing.T, s Subject) {
	m := create(t, s, path(t))
	first, second := Start(t, m), Start(t, m)
	check(t, m.Signal(unix.SIGTERM))
	for _, p := range []*Process{first, second} {
		select {
		case <-p.Exited():
		case <-time.After(timeout):
			t.Fatal("a process did not get the signal")
		}
	}
}

func left(t *testing.T, s Subject) {
	path := path(t)
	m := create(t, s, path)
	p := Start(t, m)
	err := m.Destroy(30 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(p.Pid())) {
		t.Errorf("destroy of a cgroup in use: %v, want an error that names %d", err, p.Pid())
	}
	if err := m.WaitEmpty(10 * time.Millisecond); err == nil {
		t.Error("a cgroup with a process is called empty")
	}
	wantDirs(t, s, path, true)
}

func devices(t *testing.T, s Subject) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: device filters are BPF programs")
	}
	m := create(t, s, path(t))
	if !s.OnDemand {
		setDevices(t, m, specs.LinuxDeviceCgroup{Access: "rwm"})
	}
	p := Start(t, m)
	if s.OnDemand {
		setDevices(t, m, specs.LinuxDeviceCgroup{Access: "rwm"})
	}
	node := filepath.Join(t.TempDir(), "kmsg") // a device that every kernel has and no container gets by default
	want := func(answer, format string, args ...any) {
		t.Helper()
		if got := p.Ask(format, args...); got != answer {
			t.Errorf(format+": %q, want %q", append(args, got, answer)...)
		}
	}
	want("ok", "open /dev/null %d", unix.O_RDWR)
	want("ok", "mknod %s c 1 11", node)
	want("EPERM", "open %s %d", node, unix.O_RDONLY)

	one, null, kmsg := int64(1), int64(3), int64(11)
	setDevices(t, m,
		specs.LinuxDeviceCgroup{Access: "rwm"},
		specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &one, Minor: &kmsg, Access: "r"},
		specs.LinuxDeviceCgroup{Type: "c", Major: &one, Minor: &null, Access: "w"},
	)
	want("ok", "open %s %d", node, unix.O_RDONLY)
	want("EPERM", "open %s %d", node, unix.O_WRONLY)
	want("ok", "open /dev/null %d", unix.O_RDONLY)
	want("EPERM", "open /dev/null %d", unix.O_RDWR)
}

func setDevices(t *testing.T, m Manager, rules ...specs.LinuxDeviceCgroup) {
	t.Helper()
	notCached, err := m.SetDevices(rules, t.TempDir()+"/cache")
	check(t, err)
	check(t, notCached)
}

func failedCreate(t *testing.T, s Subject) {
	path := path(t)
	longName := strings.Repeat("x", 255)
	m := s.New(t, path+"/a/"+longName+"/"+longName)
	if err := m.Create(); err == nil { // the kernel may take it; then it must be removable
		check(t, m.Destroy(timeout))
		wantDirs(t, s, path, false)
		return
	}
	m.Close()
	wantDirs(t, s, path, false)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantDirs(t *testing.T, s Subject, path string, want bool) {
	t.Helper()
	for _, dir := range s.Dirs(path) {
		_, err := os.Stat(dir)
		if want != (err == nil) || !want && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: exists %v, want %v", dir, err == nil, want)
		}
	}
}

func wantProcs(t *testing.T, m Manager, want ...int) {
	t.Helper()
	got, err := m.Procs()
	check(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("processes %v, want %v", got, want)
	}
}

func wantFrozen(t *testing.T, m Manager, want bool) {
	t.Helper()
	got, err := m.Frozen()
	check(t, err)
	if got != want {
		t.Fatalf("frozen %v, want %v", got, want)
	}
}
