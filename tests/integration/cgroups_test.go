package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limitFile is where a limit is, in either dialect.
type limitFile struct{ v1, v2 string }

// J15 J16 J22 J23 J28: limits are in the files of the controller, wherever that is mounted. A controller that no hierarchy
// has is an error, which names it; it is never ignored.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		name, controller string
		set              func(*specs.LinuxResources)
		file             limitFile
		v1, v2           string
	}{
		{
			"memory", "memory",
			func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20))} },
			limitFile{"memory.limit_in_bytes", "memory.max"}, "67108864", "67108864",
		},
		{
			"memory reservation", "memory",
			func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Reservation: new(int64(32 << 20))} },
			limitFile{"memory.soft_limit_in_bytes", "memory.low"}, "33554432", "33554432",
		},
		{
			"cpu quota", "cpu",
			func(r *specs.LinuxResources) {
				r.CPU = &specs.LinuxCPU{Quota: new(int64(50000)), Period: new(uint64(200000))}
			},
			limitFile{"cpu.cfs_quota_us", "cpu.max"}, "50000", "50000 200000",
		},
		{
			"cpu shares", "cpu",
			func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Shares: new(uint64(1024))} },
			limitFile{"cpu.shares", "cpu.weight"}, "1024", "100",
		},
		{
			"cpuset", "cpuset",
			func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Cpus: "0"} },
			limitFile{"cpuset.cpus", "cpuset.cpus"}, "0", "0",
		},
		{
			"pids", "pids",
			func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(77))} },
			limitFile{"pids.max", "pids.max"}, "77", "77",
		},
		{
			"no pids limit", "pids",
			func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(-1))} },
			limitFile{"pids.max", "pids.max"}, "max", "max",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withResources(test.set))
			mount, unified := controllerMount(t, test.controller)
			if mount == "" {
				b.try("create").fails("/linux/resources/", test.controller)
				b.nothingLeft()
				return
			}
			b.create()
			file, want := test.file.v1, test.v1
			if unified {
				file, want = test.file.v2, test.v2
			}
			wants(t, file, strings.TrimSpace(read(t, filepath.Join(mount, b.id, file))), want)
		})
	}
}

// J28: the limit of processes holds for the program.
func TestPidsLimitHolds(t *testing.T) {
	if mount, _ := controllerMount(t, "pids"); mount == "" {
		t.Skip("no hierarchy has the pids controller; TestLimits demands the error")
	}
	b := newBundle(t, withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(4))} }),
		withShell("for i in 1 2 3 4 5 6; do sleep 600 & done 2>&1; echo end"))
	if r := b.try("run"); !strings.Contains(r.stdout+r.stderr, "fork") {
		t.Errorf("six children of a shell under a limit of four processes: %v", r)
	}
}

// J6 J7 J8: where the cgroup is.
func TestCgroupsPath(t *testing.T) {
	mount := unifiedMount(t)
	skipUnless(t, mount != "", "no unified hierarchy is mounted")
	for _, test := range []struct{ name, path, want string }{
		{"absolute", "/ID", "/ID"},
		{"relative", "ID", "/ID"},
		{"below another", "/ID/ID.inner", "/ID/ID.inner"},
		{"unset", "", "/ID"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t)
			b.spec.Linux.CgroupsPath = strings.ReplaceAll(test.path, "ID", b.id)
			b.create()
			want := strings.ReplaceAll(test.want, "ID", b.id)
			if !strings.Contains(read(t, "/proc/"+itoa(b.pid)+"/cgroup"), "0::"+want+"\n") {
				t.Errorf("init is in %s, want %s", read(t, "/proc/"+itoa(b.pid)+"/cgroup"), want)
			}
			wants(t, "processes", strings.TrimSpace(read(t, filepath.Join(mount, want, "cgroup.procs"))), itoa(b.pid))
			b.try("delete", "--force").succeeds()
			b.wait()
			b.nothingLeft()
		})
	}
}

// J9 J10: what is no path of a cgroup.
func TestCgroupsPathRefused(t *testing.T) {
	for _, path := range []string{"/a/../../b", "..", "/a/./b", "/", "system.slice:tare:x"} {
		b := newBundle(t, withLinux(func(l *specs.Linux) { l.CgroupsPath = path }))
		b.try("create").fails("/linux/cgroupsPath")
		b.nothingLeft()
	}
}

// C22: a parent that was there before stays, and so does what others have made in it.
func TestCgroupParentStays(t *testing.T) {
	mount := unifiedMount(t)
	skipUnless(t, mount != "", "no unified hierarchy is mounted")
	b := newBundle(t)
	parent := filepath.Join(mount, "parent-"+b.id)
	must(t, os.Mkdir(parent, 0o755))
	t.Cleanup(func() { must(t, os.Remove(parent)) })
	b.spec.Linux.CgroupsPath = "/parent-" + b.id + "/" + b.id
	b.create()
	b.try("delete", "--force").succeeds()
	b.wait()
	if !exists(parent) {
		t.Fatal("the parent is gone")
	}
	b.nothingLeft()
}

// J11: two containers do not share a cgroup, and one that is frozen would stop init before its first instruction.
func TestCgroupInUse(t *testing.T) {
	mount := unifiedMount(t)
	skipUnless(t, mount != "", "no unified hierarchy is mounted")
	t.Run("not empty", func(t *testing.T) {
		first := newBundle(t).create()
		b := newBundle(t, withLinux(func(l *specs.Linux) { l.CgroupsPath = "/" + first.id }))
		b.try("create").fails("/linux/cgroupsPath", first.id)
		b.nothingLeft()
		b.try("delete", "--force").succeeds()
		wants(t, "status of the first one", first.state().Status, "created")
		withoutNamespace(specs.PIDNamespace)(b.spec)
		b.try("create").fails("/linux/cgroupsPath")
		wants(t, "status of the first one", first.state().Status, "created")
	})
	t.Run("frozen", func(t *testing.T) {
		b := newBundle(t)
		frozen := filepath.Join(mount, b.id)
		must(t, os.Mkdir(frozen, 0o755))
		t.Cleanup(func() { os.Remove(frozen) })
		must(t, os.WriteFile(filepath.Join(frozen, "cgroup.freeze"), []byte("1"), 0))
		b.try("create").fails("frozen")
		must(t, os.Remove(frozen))
	})
}

// J36, GHSA-5g49-rx9x-qfc6: keys of unified are files of the unified hierarchy; a missing controller is an error, and so is a path.
func TestUnified(t *testing.T) {
	mount := unifiedMount(t)
	skipUnless(t, mount != "", "no unified hierarchy is mounted")
	unified := func(key, value string) option {
		return withResources(func(r *specs.LinuxResources) { r.Unified = map[string]string{key: value} })
	}
	b := newBundle(t, unified("cgroup.max.depth", "3")).create()
	wants(t, "cgroup.max.depth", strings.TrimSpace(read(t, filepath.Join(mount, b.id, "cgroup.max.depth"))), "3")
	for key, want := range map[string]string{
		"nosuch.max": `cgroup controller "nosuch": not supported`, "../cgroup.procs": "is not the name", "a/b": "is not the name", "cgroup.max.descendants": "invalid argument",
	} {
		b := newBundle(t, unified(key, "x"))
		b.try("create").fails("/linux/resources/unified/", want)
		b.nothingLeft()
	}
}

// J5 B8: without a cgroup manager there is no cgroup, and what needs one is refused.
func TestCgroupManagerDisabled(t *testing.T) {
	disabled := invocation{args: []string{"--cgroup-manager", "disabled"}}
	b := newBundle(t, withoutMount("/sys/fs/cgroup"))
	b.spec.Linux.Resources = nil
	b.createWith(disabled)
	if left := b.cgroups(); len(left) > 0 {
		t.Errorf("cgroups %q", left)
	}
	b.start()
	checkRunning(b)

	limited := newBundle(t, withoutMount("/sys/fs/cgroup"), withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(5))} }))
	limited.tryWith(disabled, "create").fails("/linux/resources", "need")
	mounted := newBundle(t)
	mounted.tryWith(disabled, "create").fails("/mounts/")
}

// J38: cgroups that the program has made below its own go with it.
func TestCgroupChildren(t *testing.T) {
	b := newBundle(t, withMount(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"rw"}}),
		withShell("cd /sys/fs/cgroup; [ -d unified ] && cd unified; mkdir -p a/b && echo made; sleep 600"))
	b.create().start()
	wants(t, "output", b.printed(), "made")
	b.try("delete", "--force").succeeds()
	b.wait()
	b.nothingLeft()
}
