package integration

import (
	"crypto/sha256"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
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

// CVE-2016-9962, security.md §4: a program in the container that has the user and the capabilities of an exec, and looks at
// each new process from its first moment, finds no descriptor of the host in one and no way out by its root. (One that has
// CAP_SYS_PTRACE in the host's user namespace may look at any process it sees.)
func TestExecSpied(t *testing.T) {
	b := running(t, withSpy)
	must(t, os.WriteFile(b.path("spy"), []byte(spyScript), 0o755))
	b.exec([]string{"-d"}, "sh", "/spy").succeeds()
	eventually(t, "the spy looks around", func() bool { return exists(b.path("tmp/spying")) })
	for range *execCount {
		b.exec(nil, "true").succeeds()
	}
	must(t, os.WriteFile(b.path("tmp/stop"), nil, 0o644))
	eventually(t, "the spy stops", func() bool { return exists(b.path("tmp/stopped")) })
	text := read(t, b.path("tmp/seen"))
	for line := range strings.Lines(text) {
		if strings.Contains(line, "tare-") || strings.Contains(line, "/cgroup") || strings.Contains(line, stateRoot()) || strings.Contains(line, "rootfs") {
			t.Errorf("the spy has seen %q", strings.TrimSpace(line))
		}
	}
	host := read(t, "/etc/hostname")
	if text := read(t, b.path("tmp/roots")); strings.Contains(text, host) {
		t.Errorf("the spy has read the host's /etc/hostname")
	}
}

// spyScript follows the links of every process that is not the spy itself. Numbers of descriptors above the standard ones
// that it can read at all are of interest.
const spyScript = `
touch /tmp/spying
while [ ! -e /tmp/stop ]; do
	for p in /proc/[0-9]*; do
		[ $p = /proc/$$ ] && continue
		[ $p = /proc/1 ] && continue
		readlink $p/exe $p/cwd $p/root $p/fd/3 $p/fd/4 $p/fd/5 $p/fd/6 $p/fd/7 $p/fd/8 $p/fd/9 >>/tmp/seen 2>/dev/null
		cat $p/root/etc/hostname $p/cwd/etc/hostname >>/tmp/roots 2>/dev/null
	done
done
touch /tmp/stopped
`

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
	count := func() [4]int {
		leftProcesses() // reaps
		table, err := mountTable()
		must(t, err)
		return [4]int{
			len(names(t, "/proc/"+itoa(b.pid)+"/fd")), len(table), len(names(t, filepath.Join(stateRoot(), b.id))) + len(names(t, filepath.Join(stateRoot(), ".cache"))),
			strings.Count(strings.Join(b.cgroups(), "\n"), "\n"),
		}
	}
	before := count()
	for range *execCount {
		b.exec(nil, "true").succeeds()
	}
	if after := count(); after != before {
		t.Errorf("descriptors, mounts, files, cgroups: before %v, after %v", before, after)
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
