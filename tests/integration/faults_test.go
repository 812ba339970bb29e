package integration

import (
	"cmp"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/tests/tracer"
)

// Faults are made from outside, by ptrace(2), in the binary that is shipped: a process is killed at a system call, or a
// call fails. Whatever happened, the verb's answer has to be one that a caller can act on, state and list must go on telling
// the truth, and one delete --force must leave the machine as if the container had never been.

var faultPoints = flag.Int("faults", 10, "faults for each verb and side; 0 is one at every system call")

const (
	runtimeSide = 0 // the first process of a trace
	initSide    = 1 // the process that it clones; of an exec, the one that enters the namespaces
	innerSide   = 2 // of an exec, the one in the pid namespace
)

var sideNames = [...]string{"runtime", "init", "inner init"}

// faulty is a bundle for faults.
type faulty struct {
	*bundle
	globals []string // before the verb
	unique  int64    // the number of a device in its rules
	also    func()   // what else must not be left
}

// faultBundle has a step of most kinds, and no program of the host that a create would have to wait for: its device filter is
// in the cache. One rule is like no other, so that its programs are found again.
func faultBundle(t *testing.T) *faulty {
	skipUnless(t, tracer.Supported, "the tracer knows only the registers of amd64")
	return newFaulty(newBundle(t), nil, func() {})
}

func newFaulty(inner *bundle, globals []string, also func()) *faulty {
	b := &faulty{bundle: inner, globals: globals, unique: 1<<19 + rand.Int64N(1<<19), also: also}
	b.spec.Process.Args = []string{"/bin/true"}
	withResources(func(r *specs.LinuxResources) {
		r.Devices = []specs.LinuxDeviceCgroup{
			{Allow: false, Access: "rwm"},
			{Allow: true, Access: "r", Type: "c", Major: new(int64(1)), Minor: &b.unique},
		}
	})(b.spec)
	b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: "/data", Type: "bind", Source: b.directory("source"), Options: []string{"rbind", "ro"}})
	b.spec.Hooks = &specs.Hooks{Poststop: []specs.Hook{shellHook("exit 0")}}
	b.writeConfig()
	b.precreate()
	b.clean()
	return b
}

// precreate is create before the verb that matters.
func (b *faulty) precreate() {
	b.t.Helper()
	b.tryWith(invocation{args: slices.Clone(b.globals)}, "create").succeeds()
}

// writeMounts writes a list for the verb mounts.
func (b *faulty) writeMounts() {
	b.t.Helper()
	const list = `[{"destination": "/at/a", "source": "source", "options": ["bind"]}, {"destination": "/at/b", "type": "tmpfs", "source": "tmpfs"}]`
	must(b.t, os.WriteFile(b.dir+"/mounts.json", []byte(list), 0o644))
}

// trace runs a verb for the container under the tracer.
func (b *bundle) trace(decide func(*tracer.Call) tracer.Verdict, globals []string, verb string, flags ...string) (tracer.Result, string) {
	b.t.Helper()
	out := create(b.t, filepath.Join(b.t.TempDir(), "out"))
	defer out.Close()
	args := append(append([]string{"--root", stateRoot()}, globals...), verb)
	args = append(append(args, flags...), b.id)
	switch verb {
	case "exec":
		args = append(args, "/bin/true")
	case "mounts":
		args = append(args, "mounts.json")
	}
	c := exec.Command(tare, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Dir, c.Stdout, c.Stderr = b.dir, out, out
	r, err := tracer.Run(c, commandTimeout, decide)
	must(b.t, err)
	return r, read(b.t, out.Name())
}

// life is a verb with what has to be done before it.
type life struct {
	verb   string
	flags  []string
	before func(*faulty)
}

var lives = []life{
	{"create", nil, func(*faulty) {}},
	{"run", nil, func(*faulty) {}},
	{"start", nil, func(b *faulty) { b.precreate() }},
	{"kill", nil, func(b *faulty) { b.precreate() }},
	{"pause", nil, func(b *faulty) { b.precreate() }},
	{"resume", nil, func(b *faulty) { b.precreate(); b.try("pause").succeeds() }},
	{"update", []string{"--device-allow", "c 1:11 r"}, func(b *faulty) { b.precreate() }},
	{"exec", nil, func(b *faulty) { b.precreate() }},
	{"mounts", []string{"add"}, func(b *faulty) { b.precreate(); b.writeMounts() }},
	{"delete", []string{"--force"}, func(b *faulty) { b.precreate() }},
}

// calls counts the system calls of each side when nothing goes wrong.
func (l *life) calls(b *faulty) (counts [3]int) {
	l.before(b)
	r, out := b.trace(func(c *tracer.Call) tracer.Verdict {
		if c.Order < len(counts) {
			counts[c.Order]++
		}
		return tracer.Verdict{}
	}, b.globals, l.verb, l.flags...)
	if r.Status.ExitStatus() != 0 {
		b.t.Fatalf("%s under the tracer: %+v, %s", l.verb, r, out)
	}
	b.clean()
	return counts
}

// clean is the promise: one delete --force, and nothing is left.
func (b *faulty) clean() {
	b.t.Helper()
	stop := reapExecs()
	invoke(b.t, invocation{args: []string{"delete", "--force", b.id}}).succeeds()
	b.nothingLeft()
	stop()
	b.also()
	eventually(b.t, "the session keyring is collected", func() bool { // by the kernel, some time after its last user
		keys, err := os.ReadFile("/proc/keys")
		return err != nil || !strings.Contains(string(keys), "_ses."+b.id+":")
	})
	eventually(b.t, "the device filter is freed", func() bool { return !filterLoaded(b.t, b.unique) }) // likewise
}

// filterLoaded tells whether the kernel has a device filter with this number in it, attached or not.
func filterLoaded(t *testing.T, number int64) bool {
	t.Helper()
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		must(t, err)
		id = next
		p, err := ebpf.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has been freed meanwhile
		}
		must(t, err)
		found := p.Type() == ebpf.CGroupDevice && compares(t, p, number)
		p.Close()
		if found {
			return true
		}
	}
}

func compares(t *testing.T, p *ebpf.Program, number int64) bool {
	t.Helper()
	info, err := p.Info()
	must(t, err)
	instructions, err := info.Instructions()
	must(t, err)
	return slices.ContainsFunc(instructions, func(i asm.Instruction) bool { return i.Constant == number })
}

// The search finds what is there.
func TestFaultFilterIsFound(t *testing.T) {
	b := faultBundle(t)
	b.precreate()
	if unifiedMount(t) != "" && !filterLoaded(t, b.unique) {
		t.Error("the device filter of a container is not among the loaded programs")
	}
}

// Killed at any system call, on either side, tare leaves what one delete --force removes. K7 K10 C19 C23.
func TestFaultKill(t *testing.T) {
	for i := range lives {
		faultBundle(t).kill(&lives[i])
	}
}

// kill has a verb killed at its system calls, on each side.
func (b *faulty) kill(l *life) {
	t := b.t
	counts := l.calls(b)
	for side, count := range counts {
		t.Run(l.verb+"/"+sideNames[side], func(t *testing.T) {
			b.t = t
			step := 1
			if *faultPoints > 0 {
				step = max(1, count / *faultPoints)
			}
			kills := 0
			defer func() { t.Logf("%d kills at %d system calls", kills, count) }()
			for at := step / 2; at < count; at += step {
				b.killAt(l, side, at)
				kills++
				if t.Failed() {
					t.Fatalf("%s: %s was killed at its system call %d of %d", l.verb, sideNames[side], at, count)
				}
			}
		})
	}
	b.t = t
}

func (b *faulty) killAt(l *life, side, at int) {
	b.t.Helper()
	l.before(b)
	seen := 0
	r, out := b.trace(func(c *tracer.Call) tracer.Verdict {
		if c.Order != side {
			return tracer.Verdict{}
		}
		seen++
		return tracer.Verdict{Kill: seen == at+1}
	}, b.globals, l.verb, l.flags...)
	b.checkAnswer(r, out, side == runtimeSide)
	b.checkTruth()
	b.clean()
}

// checkAnswer demands that a verb ends in time, well or with one line of error; the killed say nothing.
func (b *faulty) checkAnswer(r tracer.Result, out string, mayBeKilled bool) {
	b.t.Helper()
	switch {
	case r.Hung:
		b.t.Errorf("it hung; output: %s", out)
	case r.Status.Signaled() && r.Status.Signal() == syscall.SIGKILL && mayBeKilled:
	case r.Status.Exited() && r.Status.ExitStatus() == 0:
	case r.Status.Exited() && strings.Contains(out, "level=error msg="):
	case r.Status.Exited() && r.Status.ExitStatus() == 128+int(syscall.SIGKILL): // run: how the program ended
	default:
		b.t.Errorf("status %#x, output: %s", r.Status, out)
	}
}

// checkTruth compares what state and list say with the process that is there.
func (b *bundle) checkTruth() {
	b.t.Helper()
	// A child of the killed that has not executed its image yet has its lock too, for a moment.
	eventually(b.t, "nobody holds the lock", func() bool { return !strings.Contains(b.try("state").stdout, `"creating"`) })
	var all []container
	run(b.t, "list", "--format", "json").succeeds().decode(&all)
	listed := slices.IndexFunc(all, func(c container) bool { return c.ID == b.id })
	state := b.try("state")
	switch {
	case state.status == 0 && listed < 0:
		b.t.Errorf("list does not know what state knows: %v", state)
	case state.status != 0 && listed >= 0: // K10: the directory is there, and its record not yet, or no longer
		state.fails("state.json", `"delete --force" removes the container`)
		return
	case state.status != 0:
		state.fails("container does not exist")
		return
	}
	var c container
	state.decode(&c)
	switch c.Status {
	case "created", "running", "paused":
		if err := syscall.Kill(c.Pid, 0); err != nil {
			b.t.Errorf("%s, but process %d: %v", c.Status, c.Pid, err)
		}
	case "stopped":
		if c.Pid != 0 {
			b.t.Errorf("stopped, with pid %d", c.Pid)
		}
	default: // whoever creates or deletes is gone
		b.t.Errorf("status %q", c.Status)
	}
}

// notOurs are the calls of the Go runtime for itself: memory, threads, signals, time. It ends the program where one of them
// fails, as it has to.
var notOurs = map[uint64]bool{
	unix.SYS_MMAP: true, unix.SYS_MUNMAP: true, unix.SYS_MADVISE: true, unix.SYS_MPROTECT: true, unix.SYS_BRK: true,
	unix.SYS_FUTEX: true, unix.SYS_CLONE: true, unix.SYS_RT_SIGACTION: true, unix.SYS_RT_SIGPROCMASK: true, unix.SYS_RT_SIGRETURN: true,
	unix.SYS_SIGALTSTACK: true, unix.SYS_ARCH_PRCTL: true, unix.SYS_SCHED_YIELD: true, unix.SYS_SCHED_GETAFFINITY: true,
	unix.SYS_NANOSLEEP: true, unix.SYS_TGKILL: true, unix.SYS_GETTID: true, unix.SYS_GETPID: true, unix.SYS_GETRANDOM: true,
	unix.SYS_EXIT: true, unix.SYS_EXIT_GROUP: true, unix.SYS_EXECVE: true, unix.SYS_TIMER_CREATE: true, unix.SYS_TIMER_SETTIME: true,
	unix.SYS_TIMER_DELETE: true, unix.SYS_SET_TID_ADDRESS: true, unix.SYS_SET_ROBUST_LIST: true, unix.SYS_RSEQ: true,
	unix.SYS_PRLIMIT64: true, unix.SYS_EPOLL_CREATE1: true, unix.SYS_EPOLL_CTL: true, unix.SYS_EPOLL_PWAIT: true, unix.SYS_EVENTFD2: true,
	unix.SYS_UNAME: true,
	unix.SYS_CLOSE: true, // whatever it returns, the descriptor is closed; a call that does not happen is no such fault
}

var faultErrors = []syscall.Errno{unix.EPERM, unix.ENOMEM, unix.ENOSPC, unix.EMFILE, unix.EAGAIN, unix.EINTR}

// site is one kind of system call on one side, and how often it is made.
type site struct {
	side   int
	number uint64
}

// A system call that fails ends a verb with one line, or does not matter; and a create that fails leaves nothing.
func TestFaultErrors(t *testing.T) {
	for i := range lives {
		l := &lives[i]
		b := faultBundle(t)
		sites := map[site]int{}
		l.before(b)
		b.trace(func(c *tracer.Call) tracer.Verdict {
			if c.Order <= innerSide && !notOurs[c.Number] {
				sites[site{c.Order, c.Number}]++
			}
			return tracer.Verdict{}
		}, b.globals, l.verb, l.flags...)
		b.clean()
		t.Run(l.verb, func(t *testing.T) {
			b.t = t
			turn, errors := 0, 0
			defer func() { t.Logf("%d errors at %d kinds of system calls", errors, len(sites)) }()
			for _, s := range slices.SortedFunc(maps.Keys(sites), compareSites) {
				for at := range sites[s] {
					for _, errno := range faultErrors {
						turn++
						if s.number == unix.SYS_FCNTL && at < 3 {
							continue // the Go runtime looks at descriptors 0 to 2
						}
						if *faultPoints > 0 && turn%(600 / *faultPoints) != 0 {
							continue
						}
						b.failAt(l, s, at, errno)
						errors++
						if t.Failed() {
							t.Fatalf("%s: call %d of %d of %s failed with %v at time %d", l.verb, s.number, sites[s], sideNames[s.side], errno, at)
						}
					}
				}
			}
		})
		b.t = t
	}
}

func compareSites(a, b site) int {
	return cmp.Or(cmp.Compare(a.side, b.side), cmp.Compare(a.number, b.number))
}

func (b *faulty) failAt(l *life, s site, at int, errno syscall.Errno) {
	b.t.Helper()
	l.before(b)
	seen := 0
	r, out := b.trace(func(c *tracer.Call) tracer.Verdict {
		if c.Order != s.side || c.Number != s.number {
			return tracer.Verdict{}
		}
		if seen++; seen == at+1 {
			return tracer.Verdict{Errno: errno}
		}
		return tracer.Verdict{}
	}, b.globals, l.verb, l.flags...)
	b.checkAnswer(r, out, false)
	b.checkTruth()
	if l.verb == "create" && r.Status.ExitStatus() != 0 && !strings.Contains(out, "level=warning") {
		b.nothingLeft() // it has rolled back, or said what it could not
	}
	b.clean()
}
