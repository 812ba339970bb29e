package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// event is one line of `events`, with the members of every type's data that the tests look at.
type event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data struct {
		CPU struct {
			Usage struct {
				Total uint64 `json:"total"`
			} `json:"usage"`
			PSI json.RawMessage `json:"psi"`
		} `json:"cpu"`
		Memory struct {
			Usage struct {
				Limit uint64 `json:"limit"`
				Usage uint64 `json:"usage"`
				Max   uint64 `json:"max"`
			} `json:"usage"`
			Raw map[string]uint64 `json:"raw"`
		} `json:"memory"`
		Pids struct {
			Current uint64 `json:"current"`
			Limit   uint64 `json:"limit"`
		} `json:"pids"`
		Interfaces []struct {
			Name    string
			RxBytes *uint64
		} `json:"network_interfaces"`

		Pid    int               `json:"pid"`
		Signal int               `json:"signal"`
		Status *int              `json:"status"`
		Cause  string            `json:"cause"`
		Count  uint64            `json:"count"`
		Grown  map[string]uint64 `json:"grown"`
	} `json:"data"`
}

// stream is an `events` that runs in the background.
type stream struct {
	t     *testing.T
	lines chan event
	ended chan error
}

// follow starts one; it is killed at the end of the test if it still runs then.
func (b *bundle) follow(flags ...string) *stream {
	b.t.Helper()
	c := exec.Command(tare, append(append([]string{"--root", stateRoot(), "events"}, flags...), b.id)...)
	c.Stderr = os.Stderr
	output, err := c.StdoutPipe()
	must(b.t, err)
	must(b.t, c.Start())
	s := &stream{t: b.t, lines: make(chan event, 100), ended: make(chan error, 1)}
	reader := make(chan struct{})
	go func() {
		defer close(reader)
		defer close(s.lines)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			var e event
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				b.t.Errorf("line %q: %v", scanner.Text(), err)
			}
			s.lines <- e
		}
	}()
	go func() {
		<-reader
		s.ended <- c.Wait()
	}()
	b.t.Cleanup(func() { c.Process.Kill() })
	return s
}

// until returns the events up to the first of a type.
func (s *stream) until(kind string) (events []event) {
	s.t.Helper()
	deadline := time.After(commandTimeout)
	for {
		select {
		case e, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the events end without %q: %+v", kind, events)
			}
			events = append(events, e)
			if e.Type == kind {
				return events
			}
		case <-deadline:
			s.t.Fatalf("no event %q within %v: %+v", kind, commandTimeout, events)
		}
	}
}

// end demands that the command ends by itself, with status 0 and no further event.
func (s *stream) end() {
	s.t.Helper()
	for e := range s.lines {
		s.t.Errorf("another event: %+v", e)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("events: %v", err)
		}
	case <-time.After(commandTimeout):
		s.t.Errorf("events has not ended")
	}
}

func last(events []event) event { return events[len(events)-1] }

func byType(events []event, kind string) (list []event) {
	for _, e := range events {
		if e.Type == kind {
			list = append(list, e)
		}
	}
	return list
}

// withMemoryLimit leaves no swap.
func withMemoryLimit(bytes int64) option {
	return withResources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: &bytes, Swap: &bytes} })
}

func requireController(t *testing.T, controller string) (mount string, unified bool) {
	t.Helper()
	mount, unified = controllerMount(t, controller)
	skipUnless(t, mount != "", "no hierarchy has the controller "+controller)
	return mount, unified
}

// L1 L5 L6: one line with the numbers of the kernel.
func TestEventsStats(t *testing.T) {
	requireController(t, "memory")
	requireController(t, "pids")
	const limit = 64 << 20
	b := newBundle(t, withMemoryLimit(limit), withShell("sleep 600 & wait"),
		withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(50))} })).create()
	var e event
	b.try("events", "--stats").decode(&e) // created is enough
	b.start()
	eventually(t, "two processes", func() bool {
		b.try("events", "--stats").decode(&e)
		return e.Data.Pids.Current == 2
	})
	d := e.Data
	if e.Type != "stats" || e.ID != b.id || d.CPU.Usage.Total == 0 || d.Memory.Usage.Limit != limit || d.Pids.Limit != 50 ||
		d.Memory.Usage.Usage == 0 || len(d.Memory.Raw) < 10 {
		t.Errorf("%+v", e)
	}
	b.stop()
	b.try("events", "--stats").fails("container not running")
	run(t, "events", "--stats", "nosuch").fails("does not exist")
}

// L4: pressure, wherever the kernel keeps it.
func TestEventsPressure(t *testing.T) {
	mount := unifiedMount(t)
	skipUnless(t, mount != "" && exists(filepath.Join(mount, "cpu.pressure")), "the kernel keeps no pressure of cgroups")
	b := newBundle(t).create().start()
	var e event
	b.try("events", "--stats").decode(&e)
	var psi struct{ Some, Full map[string]float64 }
	must(t, json.Unmarshal(e.Data.CPU.PSI, &psi))
	for _, name := range []string{"avg10", "avg60", "avg300", "total"} {
		if _, ok := psi.Some[name]; !ok {
			t.Errorf("psi %s lacks %s", e.Data.CPU.PSI, name)
		}
	}
}

// L2 L7: statistics at once and at each interval, and an end by itself, which says how the container ended.
func TestEventsStream(t *testing.T) {
	b := newBundle(t, withShell("until test -e /go; do sleep 0.05; done; exit 7")).create().start()
	s := b.follow("--interval", "100ms")
	for range 3 {
		if e := last(s.until("stats")); e.ID != b.id {
			t.Errorf("%+v", e)
		}
	}
	b.file("go", "")
	exit := last(s.until("exit"))
	if d := exit.Data; d.Pid != b.pid || d.Status == nil || *d.Status != 7 || d.Cause != "exited" {
		t.Errorf("%+v", exit)
	}
	s.end()
}

// L7: killed by a signal is neither an exit nor for want of memory.
func TestEventsSignal(t *testing.T) {
	b := newBundle(t).create().start()
	s := b.follow()
	s.until("stats")
	b.kill("KILL")
	exit := last(s.until("exit"))
	if d := exit.Data; d.Status == nil || *d.Status != 137 || d.Signal != 9 || d.Cause != "signal" {
		t.Errorf("%+v", exit)
	}
	s.end()
}

// greedy takes more memory than a limit of 32 MiB when /go appears.
const greedy = "until test -e /go; do sleep 0.05; done; exec busybox dd if=/dev/zero of=/dev/null bs=200M count=1"

// L3 L7: a child that the kernel kills for want of memory is told at once, by its pid, and the container goes on.
func TestEventsOOM(t *testing.T) {
	requireController(t, "memory")
	b := newBundle(t, withMemoryLimit(32<<20), withShell("("+greedy+") & wait; sleep 600")).create().start()
	s := b.follow("--interval", "1h")
	s.until("stats")
	var victim int
	eventually(t, "the child runs", func() bool {
		var pids []int
		b.try("ps", "--format", "json").decode(&pids)
		victim = childOf(t, b.pid, pids)
		return victim != 0
	})
	b.file("go", "")
	events := s.until("oom_kill")
	if len(byType(events, "oom")) != 1 {
		t.Errorf("not one oom: %+v", events)
	}
	d := last(events).Data
	if d.Count != 1 || keepsExitStatus() && (d.Pid != victim || d.Signal != 9) {
		t.Errorf("victim %d, told %+v", victim, d)
	}
	wants(t, "status", b.state().Status, "running")
	b.kill("KILL")
	exit := s.until("exit")
	if last(exit).Data.Cause != "signal" || len(byType(exit, "oom_kill")) > 0 {
		t.Errorf("an earlier kill is taken for the cause: %+v", exit)
	}
	s.end()
}

// L7: an init process that the kernel kills for want of memory; whatever dies with it is no victim.
func TestEventsOOMOfInit(t *testing.T) {
	requireController(t, "memory")
	b := newBundle(t, withMemoryLimit(32<<20), withArgs("sh", "-c", "sleep 600 & "+greedy)).create().start()
	s := b.follow("--interval", "1h")
	s.until("stats")
	b.file("go", "")
	events := s.until("exit")
	if d := last(events).Data; d.Cause != "oom" || d.Status == nil || *d.Status != 137 {
		t.Errorf("%+v", last(events))
	}
	kills := byType(events, "oom_kill")
	if len(byType(events, "oom")) != 1 || len(kills) != 1 || kills[0].Data.Pid != b.pid {
		t.Errorf("%+v", events)
	}
	s.end()
}

// L7: the counters of memory.events that only cgroup v2 has.
func TestEventsMemoryHigh(t *testing.T) {
	_, unified := requireController(t, "memory")
	skipUnless(t, unified, "memory.high is a file of cgroup v2")
	b := newBundle(t, withShell("until test -e /go; do sleep 0.05; done; busybox dd if=/dev/zero of=/tmp/file bs=1M count=40; sleep 600"),
		withResources(func(r *specs.LinuxResources) { r.Unified = map[string]string{"memory.high": "16777216"} })).create().start()
	s := b.follow("--interval", "1h")
	s.until("stats")
	b.file("go", "")
	if d := last(s.until("memory")).Data; d.Grown["high"] == 0 {
		t.Errorf("%+v", d)
	}
}

// L1: the interfaces are those of the container, and the host's are not counted for a container that shares them.
func TestEventsNetwork(t *testing.T) {
	_, err := exec.LookPath("ip")
	skipUnless(t, err == nil, "ip is missing (Debian: iproute2)")
	b := newBundle(t).create().start()
	add := exec.Command("nsenter", "-t", itoa(b.pid), "-n", "ip", "link", "add", "tare-v0", "type", "veth", "peer", "name", "tare-v1")
	if output, err := add.CombinedOutput(); err != nil {
		skipUnless(t, false, "the kernel has no veth interfaces: "+string(output))
	}
	var e event
	b.try("events", "--stats").decode(&e)
	if n := e.Data.Interfaces; len(n) != 2 || !strings.HasPrefix(n[0].Name, "tare-v") || n[0].RxBytes == nil {
		t.Errorf("%+v", n)
	}
	shared := newBundle(t, withoutNamespace(specs.NetworkNamespace)).create().start()
	e = event{}
	shared.try("events", "--stats").decode(&e)
	if len(e.Data.Interfaces) > 0 {
		t.Errorf("the host's interfaces: %+v", e.Data.Interfaces)
	}
}

// L7: the text is one document, however the flags are placed.
func TestEventsOpenMetrics(t *testing.T) {
	b := newBundle(t).create().start()
	text := invoke(t, invocation{args: []string{"events", b.id, "--stats", "--format", "openmetrics"}}).succeeds().stdout
	for _, want := range []string{
		"# TYPE tare_container_cpu_usage_seconds counter\n# UNIT tare_container_cpu_usage_seconds seconds\n",
		`tare_container_processes{id="` + b.id + `"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "\n# EOF\n") {
		t.Errorf("no end: %q", text)
	}
}

// Without a cgroup nothing is counted, and that is said.
func TestEventsWithoutCgroup(t *testing.T) {
	b := newBundle(t, withoutMount("/sys/fs/cgroup"), withLinux(func(l *specs.Linux) { l.Resources = nil }))
	b.createWith(invocation{args: []string{"--cgroup-manager", "disabled"}}).start()
	b.try("events", "--stats").fails("no cgroup")
}

// childOf is the process among these whose parent is another's; 0 for none.
func childOf(t *testing.T, parent int, pids []int) int {
	t.Helper()
	for _, pid := range pids {
		stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[slices.Index(stat, ')')+1:]))
		if fields[1] == itoa(parent) {
			return pid
		}
	}
	return 0
}

// keepsExitStatus says whether the kernel tells how a process ended that has been reaped (Linux 6.15).
func keepsExitStatus() bool {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return false
	}
	fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor >= 15
}
