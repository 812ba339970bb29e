package integration

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/tests/tracer"
)

// J44 D13: a container that runs containers of its own moves itself out of its cgroup's root and enables controllers there. Its
// own cgroup holds no process from then on (EBUSY), so an exec goes where init is; one that is given a cgroup goes there.
func TestExecWhereControllersAreEnabled(t *testing.T) {
	requireRoot(t)
	mount, unified := controllerMount(t, "pids")
	if !unified {
		t.Skip("needs cgroup v2 with the pids controller (tests/vm)")
	}
	b := newBundle(t, withShell(`cd /sys/fs/cgroup && mkdir init other && echo 0 >init/cgroup.procs && echo +pids >cgroup.subtree_control && echo ready
exec sleep 600`), withCgroupOptions("rw", "nosuid", "noexec", "nodev"))
	b.create().start()
	wants(t, "the container has enabled pids", b.printed(), "ready")
	dir := filepath.Join(mount, b.id)
	wants(t, "subtree_control", strings.TrimSpace(read(t, dir+"/cgroup.subtree_control")), "pids")

	// What the host sees, because the container's cgroup namespace hides where its root is.
	where := func(flags ...string) (place string) {
		r := b.execWith(invocation{whileItRuns: func(p *os.Process) {
			eventually(t, "the exec runs", func() bool { return exists(b.path("tmp/runs")) })
			for _, cgroup := range []string{"", "/init", "/other"} {
				for _, pid := range strings.Fields(read(t, dir+cgroup+"/cgroup.procs")) {
					cmdline, _ := os.ReadFile("/proc/" + pid + "/cmdline") // a sleep may have ended meanwhile
					if strings.Contains(string(cmdline), "tmp/runs") {
						place = cgroup
					}
				}
			}
			must(t, os.Remove(b.path("tmp/runs")))
		}}, flags, "sh", "-c", ": >/tmp/runs; while [ -e /tmp/runs ]; do :; done; exit 7") // without a fork, see below
		if r.status != 7 {
			t.Errorf("%q: %v", flags, r)
		}
		return place
	}
	wants(t, "cgroup of an exec", where(), "/init")
	wants(t, "cgroup of an exec with --cgroup", where("--cgroup", "other"), "/other")
	wants(t, "cgroup inside", b.execs("cat /proc/self/cgroup"), "0::/init")
	b.exec([]string{"--cgroup", "/"}, "true").refuses("device or resource busy", "controllers enabled")
	b.try("update", "--pids-limit", "1").succeeds() // init of an exec joins late then
	wants(t, "cgroup of an exec at the limit of processes", where(), "/init")
	if n := len(b.processes()); n != 1 {
		t.Errorf("%d processes are left, want that of init", n)
	}
	b.kill("KILL")
	b.wait()
	b.try("delete").succeeds()
	b.nothingLeft()
}

// withCgroupOptions changes how /sys/fs/cgroup is mounted.
func withCgroupOptions(options ...string) option {
	return func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Type == "cgroup" {
				s.Mounts[i].Options = options
			}
		}
	}
}

// D14: an exec enters the container's cgroup, and everything up to its program, on the initial CPUs, and its program is executed
// on the final ones.
func TestExecAffinityInOrder(t *testing.T) {
	requireRoot(t)
	skipUnless(t, tracer.Supported, "the tracer knows only the registers of amd64")
	if runtime.NumCPU() < 2 {
		t.Skip("needs two CPUs")
	}
	b := running(t, withProcess(func(p *specs.Process) { p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "1", Final: "0"} }))
	cpus := func(pid int) string { return statusFields(read(t, "/proc/"+itoa(pid)+"/status"), "Cpus_allowed_list:") }
	wants(t, "CPUs of the container, which the members are not about", strconv.FormatBool(cpus(b.pid) == "1" || cpus(b.pid) == "0"), "false")
	first := map[int]string{} // by the order of processes: the first child, which enters the namespaces, and init
	last := ""
	r, out := b.trace(func(c *tracer.Call) tracer.Verdict {
		if _, seen := first[c.Order]; !seen {
			first[c.Order] = cpus(c.Pid)
		}
		if c.Order == innerSide && c.Number == unix.SYS_EXECVE && last == "" {
			last = cpus(c.Pid)
		}
		return tracer.Verdict{}
	}, nil, "exec")
	if r.Status.ExitStatus() != 0 || first[1] != "1" || first[innerSide] != "1" || last != "0" {
		t.Errorf("%+v %s: the children begin on %v, the program on %q; want 1, and 0", r, out, first, last)
	}
}

// D13 J28: a container that has as many processes as it may have can be looked at all the same, and so can one whose limit is
// that of a cgroup above it, as in a Kubernetes pod. The limit still holds for what the program forks.
func TestExecAtTheLimitOfProcesses(t *testing.T) {
	requireRoot(t)
	mount, _ := requireController(t, "pids")
	pod := "/tare-it-pod-" + itoa(os.Getpid())
	limit := func(n int64) option {
		return withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: &n} })
	}
	for _, row := range []struct {
		name, crowded string
		limit         int64
	}{
		{"the container's own", pod + "/container", 4},
		{"of a cgroup above", pod, 100},
		{"three are free", pod + "/container", 7},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, limit(row.limit), withLinux(func(l *specs.Linux) { l.CgroupsPath = pod + "/container" }), withArgs("sh", "-c", "sleep 600 & sleep 600 & sleep 600 & wait"))
			t.Cleanup(func() {
				for _, m := range cgroupMounts(t) {
					unix.Rmdir(m + pod)
				}
			})
			b.create().start()
			dir := mount + row.crowded
			eventually(t, "four processes run", func() bool { return strings.TrimSpace(read(t, dir+"/pids.current")) == "4" })
			if row.crowded == pod {
				must(t, os.WriteFile(dir+"/pids.max", []byte("4"), 0o644))
			}
			wants(t, "cgroup of the program", b.execs("cat /proc/self/cgroup"), b.execs("cat /proc/1/cgroup"))
			if r := b.exec(nil, "sh", "-c", "(true); (true) & (true) & (true) & (true) & wait"); !strings.Contains(r.stderr, "can't fork") {
				t.Errorf("the limit does not hold: %v", r)
			}
		})
	}
}
