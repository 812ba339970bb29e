package integration

import (
	"crypto/sha256"
	"flag"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/tests/tracer"
)

var execCount = flag.Int("execs", 100, "execs in a row of TestExecsLeaveNothing")

// CVE-2024-21626: no descriptor of the runtime is a way out, as working directory or by its name in /proc.
func TestExecLeakedDirectory(t *testing.T) {
	b := running(t)
	for fd := 3; fd <= 64; fd++ {
		for _, process := range []string{"self", "thread-self"} {
			r := b.exec([]string{"--cwd", "/proc/" + process + "/fd/" + itoa(fd)}, "sh", "-c", "ls -d ../../../../../../etc/passwd; pwd")
			if r.status != 255 {
				t.Fatalf("working directory at descriptor %d: %v", fd, r)
			}
		}
	}
}

// withSpy gives a program of the container all that it needs to look at others of its kind: root, and a root that it can
// write to.
func withSpy(s *specs.Spec) {
	s.Root.Readonly = false
	s.Process.User = specs.User{}
}

// D18, CVE-2016-9962, security.md §4: an exec is stopped at system calls on its way into the container, from the moment when the
// container can see it to the last one before its program. A program of the container that has its user and capabilities
// finds no descriptor in it, no way out by its root or directory, and no executable. (One that has CAP_SYS_PTRACE in the
// host's user namespace may look at any process it sees.)
func TestExecSpied(t *testing.T) {
	skipUnless(t, tracer.Supported, "the tracer knows only the registers of amd64")
	b := running(t, withSpy)
	b.execs("true")
	looked := 0
	last := map[uint64]bool{unix.SYS_SETRESUID: true, unix.SYS_CAPSET: true, unix.SYS_CLOSE_RANGE: true, unix.SYS_EXECVE: true, unix.SYS_FCHDIR: true}
	calls, executed := 0, false
	dumpable := uint64(1) // the runtime, which shares its memory with the child that enters the container
	r, out := b.trace(func(c *tracer.Call) tracer.Verdict {
		if c.Order == 0 && c.Number == unix.SYS_PRCTL && c.Args[0] == unix.PR_SET_DUMPABLE {
			dumpable = c.Args[1]
		}
		if c.Order == innerSide && calls == 0 && dumpable != 0 { // capabilities alone would keep this spy out
			t.Error("the runtime is dumpable when its child is in the container")
		}
		if c.Order != innerSide || executed {
			return tracer.Verdict{}
		}
		executed = c.Number == unix.SYS_EXECVE
		if calls++; calls%60 == 1 || last[c.Number] {
			looked++
			b.spyOn(c.Pid)
		}
		return tracer.Verdict{}
	}, nil, "exec")
	if r.Status.ExitStatus() != 0 || looked < 8 {
		t.Errorf("%+v, %s; looked at it %d times", r, out, looked)
	}
}

// spyOn has a program of the container look into another process.
func (b *bundle) spyOn(pid int) {
	b.t.Helper()
	inside := strings.Fields(statusFields(read(b.t, "/proc/"+itoa(pid)+"/status"), "NSpid:"))
	if len(inside) < 2 {
		return // not in the pid namespace yet
	}
	process := "/proc/" + inside[len(inside)-1]
	r := b.exec(nil, "sh", "-c", "for f in exe cwd root fd/0 fd/3 fd/4 fd/5 fd/6; do readlink "+process+"/$f; done; cat "+process+"/environ; [ -d "+process+" ] && echo seen")
	if r.stdout != "seen\n" {
		b.t.Errorf("the spy has seen %q", r.stdout)
	}
}

// CVE-2019-5736: an exec whose program is its own executable finds nothing it can write to.
func TestExecOwnBinary(t *testing.T) {
	b := running(t, withSpy)
	before := sha256.Sum256([]byte(read(t, tare)))
	b.file("bin/evil", "#!/proc/self/exe\n")
	r := b.exec(nil, "/bin/evil") // execute the executable of the process that executes it
	if r.status == 0 {
		t.Errorf("%v", r)
	}
	b.file("overwrite", "#!/bin/sh\nend=$(($(date +%s)+2))\nwhile [ $(date +%s) -lt $end ]; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || [ $p = /proc/$$ ] || { : >$p/exe; } 2>/dev/null; done; done\n")
	b.exec([]string{"-d"}, "/bin/sh", "/overwrite").succeeds()
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); {
		b.exec(nil, "true")
	}
	if sha256.Sum256([]byte(read(t, tare))) != before {
		t.Error("the binary has been changed")
	}
	run(t, "--version").succeeds()
}

// Many execs in one container leave nothing: no process, no descriptor of init, no mount, no cgroup, no file.
func TestExecsLeaveNothing(t *testing.T) {
	b := running(t)
	b.execs("true")
	count := func() [5]int {
		leftProcesses() // reaps
		table, err := mountTable()
		must(t, err)
		return [5]int{
			len(names(t, "/proc/"+itoa(b.pid)+"/fd")), len(table), len(names(t, filepath.Join(stateRoot(), b.id))) + len(names(t, filepath.Join(stateRoot(), ".cache"))),
			strings.Count(strings.Join(b.cgroups(), "\n"), "\n"),
			atoi(t, strings.Fields(statusFields(read(t, "/proc/"+itoa(b.pid)+"/status"), "RssAnon:"))[0]),
		}
	}
	before := count()
	for range *execCount {
		b.exec(nil, "true").succeeds()
	}
	if after := count(); after != before {
		t.Errorf("descriptors, mounts, files, cgroups, KiB of init: before %v, after %v", before, after)
	}
	if pids := b.processes(); len(pids) != 1 {
		t.Errorf("processes %v", pids)
	}
}

// Execs side by side, and one that meets the end of the container: each ends with the status of its program or an error.
func TestExecsInParallel(t *testing.T) {
	b := running(t)
	var group sync.WaitGroup
	results := make([]result, 16)
	for i := range results {
		group.Go(func() { results[i] = b.exec(nil, "sh", "-c", "exit "+itoa(i)) })
	}
	group.Wait()
	for i, r := range results {
		if r.status != i {
			t.Errorf("%v, want %d", r, i)
		}
	}
	for i := range results {
		group.Go(func() { results[i] = b.exec(nil, "sleep", "600") })
	}
	eventually(t, "all run", func() bool { return len(b.processes()) >= 2 })
	b.try("delete", "--force").succeeds()
	group.Wait()
	for _, r := range results {
		if r.status != 255 && r.status != 128+9 {
			t.Errorf("%v", r)
		}
	}
	b.wait()
	b.nothingLeft()
}
