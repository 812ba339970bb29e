package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

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
		{"J10 the form of systemd, without it", "tare-it.slice:p:ID", "/tare-it.slice:p:ID"},
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
	for _, path := range []string{"/a/../../b", "..", "/a/./b", "/"} {
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
	b.exec([]string{"--cgroup", "sub"}, "true").refuses("--cgroup", "the container has no cgroup") // D10

	limited := newBundle(t, withoutMount("/sys/fs/cgroup"), withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(5))} }))
	limited.tryWith(disabled, "create").fails("/linux/resources", "need")
	filtered := newBundle(t)
	filtered.tryWith(disabled, "create").fails("/linux/resources/devices/0", "a device filter needs a cgroup")
	disabled.args = append(disabled.args, "--rootless=true") // which does not make root of the host any less dangerous
	filtered.tryWith(disabled, "create").fails("/linux/resources/devices/0", "a device filter needs a cgroup")
}

// B8, CVE-2023-25809: Podman leaves the cgroup mount in place when it disables cgroups. It shows the runtime's, read-only.
func TestCgroupMountWithoutManager(t *testing.T) {
	for _, options := range []string{"rw", "rrw"} {
		b := newBundle(t, withShell("grep ' /sys/fs/cgroup' /proc/self/mountinfo"))
		for i := range b.spec.Mounts {
			if m := &b.spec.Mounts[i]; m.Type == "cgroup" {
				m.Options = []string{options}
			}
		}
		b.spec.Linux.Resources = nil
		r := b.tryWith(invocation{args: []string{"--cgroup-manager=disabled"}}, "run").succeeds()
		mounts := strings.Split(strings.TrimSpace(r.stdout), "\n")
		for _, line := range mounts {
			fields := strings.Fields(line)
			if isCgroup := strings.Contains(line, " - cgroup"); len(fields) < 6 || isCgroup && !strings.HasPrefix(fields[5], "ro") {
				t.Errorf("with %s: mounted %q", options, line)
			}
		}
		if !strings.Contains(r.stdout, " - cgroup") {
			t.Errorf("no cgroup is mounted: %q", mounts)
		}
		b.nothingLeft()
	}
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

// J14: a container that can write to its cgroups, in a namespace of its own, is given them, so that a program that is not
// root can make cgroups below; the files with the container's own limits stay root's. Only cgroup v2 alone is made for that.
func TestCgroupDelegated(t *testing.T) {
	writable := specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"rw", "nosuid"}}
	for _, test := range []struct {
		name    string
		changes []option
		given   bool
	}{
		{"given", []option{withMount(writable)}, true},
		{"read-only mount", nil, false},
		{"no namespace", []option{withMount(writable), withoutNamespace(specs.CgroupNamespace)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, append(test.changes, withUser(1000, 1000), withArgs("sleep", "600"))...)
			b.create()
			mount := unifiedMount(t)
			if mount == "" || len(cgroupMounts(t)) > 1 {
				test.given = false // not with v1 beside it
			}
			for _, name := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "cgroup.max.depth"} {
				if mount == "" {
					break
				}
				var st unix.Stat_t
				must(t, unix.Stat(filepath.Join(mount, b.id, name), &st))
				if want := test.given && name != "cgroup.max.depth"; (st.Uid == 1000) != want {
					t.Errorf("%q belongs to %d, given away: %v", name, st.Uid, want)
				}
			}
			if test.given {
				b.start()
				b.execs("mkdir /sys/fs/cgroup/below && echo $$ >/sys/fs/cgroup/below/cgroup.procs && ! echo 1 >/sys/fs/cgroup/cgroup.max.depth")
			}
		})
	}
}
