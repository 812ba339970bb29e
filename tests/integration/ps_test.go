package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// processes is what `ps --format json` prints, in an environment as empty as containerd's.
func (b *bundle) processes() (pids []int) {
	b.t.Helper()
	b.tryWith(invocation{env: []string{"PATH="}}, "ps", "--format", "json").decode(&pids)
	return pids
}

// C31 A5: the pids are the host's, of every process, also of those in cgroups below the container's.
func TestPs(t *testing.T) {
	b := newBundle(t, withShell("sleep 600 & wait")).create()
	if got := b.processes(); !slices.Equal(got, []int{b.pid}) {
		t.Errorf("created: %v, want %d", got, b.pid)
	}
	b.start()
	var pids []int
	eventually(t, "two processes", func() bool {
		pids = b.processes()
		return len(pids) == 2
	})
	child := childOf(t, b.pid, pids)
	if !slices.Contains(pids, b.pid) || child == 0 {
		t.Fatalf("%v", pids)
	}
	eventually(t, "the child executes its program", func() bool { return strings.HasPrefix(read(t, "/proc/"+itoa(child)+"/cmdline"), "sleep") })

	below := filepath.Join(cgroupOf(t, b.pid), "below")
	must(t, os.Mkdir(below, 0o755))
	must(t, os.WriteFile(filepath.Join(below, "cgroup.procs"), []byte(itoa(child)), 0o644))
	if got := b.processes(); !slices.Equal(got, pids) {
		t.Errorf("with one in a cgroup below: %v, want %v", got, pids)
	}

	table := b.tryWith(invocation{env: []string{"PATH="}}, "ps").succeeds().stdout
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if got := strings.Fields(lines[0]); !slices.Equal(got, strings.Fields("UID PID PPID C STIME TTY TIME CMD")) {
		t.Errorf("head %q", lines[0])
	}
	if len(lines) != 3 {
		t.Fatalf("table\n%s", table)
	}
	init := strings.Fields(lines[1])
	if init[0] != "root" || init[1] != itoa(b.pid) || init[7] != "sh" || init[8] != "-c" {
		t.Errorf("init: %q", lines[1])
	}
	if last := strings.Fields(lines[2]); last[2] != itoa(b.pid) || !slices.Equal(last[7:], []string{"sleep", "600"}) {
		t.Errorf("child: %q", lines[2])
	}

	b.try("pause").succeeds()
	if got := b.processes(); !slices.Equal(got, pids) {
		t.Errorf("paused: %v, want %v", got, pids)
	}
	b.try("events", "--stats").succeeds()
	b.try("resume").succeeds()

	b.stop()
	if got := b.processes(); len(got) != 0 {
		t.Errorf("stopped: %v", got)
	}
	wants(t, "no processes", b.try("ps", "-f", "json").succeeds().stdout, "[]\n")
	run(t, "ps", "nosuch").fails("does not exist")
}

// C31: options after the ID are those of the host's ps, which is found without PATH.
func TestPsOfTheHost(t *testing.T) {
	_, err := os.Stat("/bin/ps")
	skipUnless(t, err == nil, "the host has no ps (Debian: procps)")
	b := newBundle(t).create().start()
	ps := func(options ...string) result {
		return invoke(t, invocation{env: []string{"PATH="}, args: append([]string{"ps", b.id}, options...)})
	}
	for _, options := range [][]string{{"-ef"}, {"aux"}, {"-e", "-o", "user,pid,args"}, {"-f", "-p", itoa(b.pid)}} {
		lines := strings.Split(strings.TrimSpace(ps(options...).succeeds().stdout), "\n")
		if len(lines) != 2 || !slices.Contains(strings.Fields(lines[0]), "PID") || !slices.Contains(strings.Fields(lines[1]), itoa(b.pid)) {
			t.Errorf("%q: %q", options, lines)
		}
	}
	ps("-e", "-o", "user").fails("no column PID")
	ps("--nosuch").fails("/ps", "status 1")
	wants(t, "--format after the ID", ps("--format", "json").succeeds().stdout, "["+itoa(b.pid)+"]\n")
}

// C31: in a shared pid namespace the cgroup says which processes are the container's, also when init has ended.
func TestPsSharedPidNamespace(t *testing.T) {
	b := newBundle(t, withoutNamespace(specs.PIDNamespace), withShell("sleep 600 & sleep 601 & until test -e /go; do sleep 0.05; done; exit 0")).create().start()
	eventually(t, "three processes", func() bool { return len(b.processes()) >= 3 })
	b.file("go", "")
	b.wait()
	pids := b.processes()
	if slices.Contains(pids, b.pid) || len(pids) < 2 {
		t.Errorf("%v", pids)
	}
	b.try("kill", "--all")
}

// C31: without a cgroup the pid namespace and descent tell.
func TestPsWithoutCgroup(t *testing.T) {
	b := newBundle(t, withShell("sleep 600 & wait"), withoutMount("/sys/fs/cgroup"), withLinux(func(l *specs.Linux) { l.Resources = nil }))
	b.createWith(invocation{args: []string{"--cgroup-manager", "disabled"}}).start()
	eventually(t, "two processes", func() bool { return len(b.processes()) == 2 })
	if got := b.processes(); got[0] != b.pid && got[1] != b.pid {
		t.Errorf("%v lacks %d", got, b.pid)
	}
}

// What a program calls itself does not reach the terminal of the administrator as more than text.
func TestPsTableIsPrintable(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "sleep 600; exit", "1\x1b[2J\n9")).create().start()
	var table string
	eventually(t, "the program runs", func() bool {
		table = b.try("ps").succeeds().stdout
		return strings.Contains(table, " 1?[2J?9\n")
	})
	if strings.Contains(table, "\x1b") || strings.Count(table, "\n") > 3 {
		t.Errorf("table %q", table)
	}
}

// cgroupOf is a process' directory in the unified hierarchy, or where there is none in that of the v1 freezer.
func cgroupOf(t *testing.T, pid int) string {
	t.Helper()
	mount, prefix := unifiedMount(t), "0::"
	if mount == "" {
		mount, _ = controllerMount(t, "freezer")
	}
	for line := range strings.Lines(read(t, "/proc/"+strconv.Itoa(pid)+"/cgroup")) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
			return mount + path
		}
	}
	t.Fatalf("process %d is in no cgroup of %s", pid, mount)
	return ""
}
