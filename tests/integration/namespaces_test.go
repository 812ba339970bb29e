package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaceFiles are the kinds of namespace, with their names in /proc/PID/ns.
var namespaceFiles = []struct {
	kind specs.LinuxNamespaceType
	file string
}{
	{specs.PIDNamespace, "pid"}, {specs.NetworkNamespace, "net"}, {specs.IPCNamespace, "ipc"},
	{specs.UTSNamespace, "uts"}, {specs.MountNamespace, "mnt"}, {specs.CgroupNamespace, "cgroup"},
}

// G1 G3: each namespace is new where it is asked for, and the runtime's where it is not.
func TestNewNamespaces(t *testing.T) {
	all := newBundle(t).create()
	for _, n := range namespaceFiles {
		own := readlink(t, "/proc/self/ns/"+n.file)
		if all.namespace(n.file) == own {
			t.Errorf("%s namespace: is the runtime's", n.kind)
		}
	}
	for _, kept := range namespaceFiles {
		if kept.kind == specs.MountNamespace {
			continue // TestSharedMountNamespace
		}
		t.Run("without "+string(kept.kind), func(t *testing.T) {
			b := newBundle(t, withoutNamespace(kept.kind))
			if kept.kind == specs.UTSNamespace {
				b.spec.Hostname = "" // it would be the host's
			}
			if kept.kind == specs.NetworkNamespace {
				withoutMount("/sys")(b.spec) // sysfs belongs to the network namespace
				withoutMount("/sys/fs/cgroup")(b.spec)
			}
			b.create()
			for _, n := range namespaceFiles {
				same := b.namespace(n.file) == readlink(t, "/proc/self/ns/"+n.file)
				if same != (n.kind == kept.kind) {
					t.Errorf("%s namespace: same as the runtime's is %v", n.kind, same)
				}
			}
		})
	}
}

// F3: without a mount namespace the root is entered by chroot, and nothing is mounted.
func TestSharedMountNamespace(t *testing.T) {
	b := newBundle(t, withoutNamespace(specs.MountNamespace), withShell("ls /; echo $PWD"))
	b.spec.Mounts, b.spec.Linux.MaskedPaths, b.spec.Linux.ReadonlyPaths = nil, nil, nil
	wants(t, "output", b.output(), "bin\ndev\netc\nhome\nproc\nroot\nsys\ntmp\n/")
	b.mountsUnchanged()
}

// G5 G6 G14: each namespace is joined where a path is given, one alone and all at once.
func TestJoinNamespaces(t *testing.T) {
	holder := newBundle(t).create()
	join := func(b *bundle, kind specs.LinuxNamespaceType, file string) {
		withNamespace(kind, "/proc/"+itoa(holder.pid)+"/ns/"+file)(b.spec)
		if kind == specs.MountNamespace { // its mounts are there already
			b.spec.Mounts, b.spec.Linux.MaskedPaths, b.spec.Linux.ReadonlyPaths = nil, nil, nil
		}
	}
	check := func(t *testing.T, b *bundle, joined string) {
		t.Helper()
		for _, n := range namespaceFiles {
			want := joined == "all" || joined == n.file
			if same := b.namespace(n.file) == holder.namespace(n.file); same != want {
				t.Errorf("%s namespace: same as the joined one is %v", n.kind, same)
			}
		}
	}
	for _, n := range namespaceFiles {
		if n.kind == specs.MountNamespace {
			continue // TestJoinMountNamespace
		}
		t.Run(string(n.kind), func(t *testing.T) {
			b := newBundle(t)
			join(b, n.kind, n.file)
			b.create().start()
			checkRunning(b)
			check(t, b, n.file)
		})
	}
	t.Run("all but mount", func(t *testing.T) {
		b := newBundle(t, withShell("echo $$; ps -o pid,args | grep -c tare-init; sleep 600"))
		for _, n := range namespaceFiles {
			if n.kind != specs.MountNamespace {
				join(b, n.kind, n.file)
			}
		}
		b.create().start()
		out := strings.Fields(b.printed() + "\n")
		if out[0] == "1" {
			t.Error("init is process 1 of a pid namespace that it has joined")
		}
	})
}

// G14 D12: process 1 of a pid namespace inherits the orphans in it, also while it waits for start: those of an exec and those of
// a container that has joined the namespace. They do not stay as zombies, which would count against limits on processes.
func TestOrphansOfWaitingInit(t *testing.T) {
	holder := newBundle(t, withShell("grep ^SigIgn /proc/self/status; sh -c 'exit 3'; echo status $?; sleep 600"))
	holder.spec.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "exit 0"}, Env: []string{"PATH=/bin"}}}}
	holder.create()
	const orphan = "(echo $(readlink /proc/self) >/tmp/orphan; sleep 0.2) & exit 0"
	holder.exec(nil, "sh", "-c", orphan).succeeds()
	b := newBundle(t, withNamespace(specs.PIDNamespace, "/proc/"+itoa(holder.pid)+"/ns/pid"), withArgs("sh", "-c", orphan))
	b.create().start()
	b.wait()
	eventually(t, "no orphan is a child of the waiting init", func() bool {
		return read(t, "/proc/"+itoa(holder.pid)+"/task/"+itoa(holder.pid)+"/children") == "" && exists(b.path("tmp/orphan")) && exists(holder.path("tmp/orphan"))
	})
	holder.start() // the hook is waited for all the same, and the program has its children to itself
	eventually(t, "the program has waited for its child", func() bool { return strings.Contains(read(t, holder.stdout), "status") })
	wants(t, "output", holder.printed(), "SigIgn:\t0000000000000000\nstatus 3")
}

// G5: a joined mount namespace is one that exists already; the root is the container's all the same.
func TestJoinMountNamespace(t *testing.T) {
	holder := newBundle(t).create()
	b := newBundle(t, withNamespace(specs.MountNamespace, "/proc/"+itoa(holder.pid)+"/ns/mnt"))
	b.spec.Mounts, b.spec.Linux.MaskedPaths, b.spec.Linux.ReadonlyPaths = nil, nil, nil
	// The rootfs of b cannot be seen from inside the holder's root: an error that says so, and leaves nothing.
	b.try("create").fails("/root")
	b.nothingLeft()
	wants(t, "status of the other container", holder.state().Status, "created")
}

// G5: what is no namespace, or none of that type, is refused, with the pointer of the entry.
func TestJoinRefused(t *testing.T) {
	fifoDir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(fifoDir, "fifo"), 0o600))
	for _, test := range []struct{ name, path, want string }{
		{"wrong type", "/proc/self/ns/uts", "/linux/namespaces"},
		{"missing", "/nonexistent/ns", "no such file or directory"},
		{"a file", "/etc/passwd", "/linux/namespaces"},
		{"a directory", "/proc", "/linux/namespaces"},
		{"a FIFO", filepath.Join(fifoDir, "fifo"), "must be a namespace file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withNamespace(specs.NetworkNamespace, test.path))
			b.try("create").fails("config.json /linux/namespaces/", "/path", test.want, test.path)
			b.nothingLeft()
		})
	}
}

// G5: a path that leads to a namespace of the host changes nothing there; joined it may be.
func TestJoinHost(t *testing.T) {
	requireRoot(t)
	before := read(t, "/proc/sys/kernel/hostname")
	for _, process := range []string{"self", "1"} {
		path := "/proc/" + process + "/ns/"
		if _, err := os.Stat(path + "uts"); err != nil {
			continue // process 1 may be hidden
		}
		for _, row := range []struct {
			kind       specs.LinuxNamespaceType
			file, want string
			change     option
		}{
			{specs.MountNamespace, "mnt", "", func(*specs.Spec) {}},
			{specs.UTSNamespace, "uts", "/hostname", func(s *specs.Spec) { s.Hostname = "changed" }},
			{specs.NetworkNamespace, "net", "/linux/sysctl/net.ipv4.ip_forward", withLinux(func(l *specs.Linux) { l.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"} })},
			{specs.IPCNamespace, "ipc", "/linux/sysctl/kernel.msgmax", withLinux(func(l *specs.Linux) { l.Sysctl = map[string]string{"kernel.msgmax": "12345"} })},
		} {
			b := newBundle(t, row.change, withNamespace(row.kind, path+row.file))
			b.try("create").fails("config.json /linux/namespaces/", "/path", "is the host's own "+string(row.kind)+" namespace", row.want, "leave out the path")
			b.nothingLeft()
		}
	}
	wants(t, "name of the host", read(t, "/proc/sys/kernel/hostname"), before)
	b := newBundle(t, withNamespace(specs.UTSNamespace, "/proc/self/ns/uts"), withArgs("busybox", "hostname"))
	b.spec.Hostname = ""
	wants(t, "name", b.output(), strings.TrimSpace(before))
}

// G15: the loopback device of a new network namespace is up.
func TestLoopback(t *testing.T) {
	b := newBundle(t, withArgs("busybox", "ip", "-o", "link"))
	if out := b.output(); !strings.Contains(out, "lo: <LOOPBACK,UP,LOWER_UP>") || strings.Count(out, "\n") != 0 {
		t.Errorf("devices: %s", out)
	}
}

// G13: the root of the cgroup namespace is the container's own cgroup.
func TestCgroupNamespace(t *testing.T) {
	b := newBundle(t, withArgs("cat", "/proc/self/cgroup"))
	for line := range strings.Lines(b.output() + "\n") {
		if !strings.HasSuffix(line, ":/\n") {
			t.Errorf("cgroup %q is not the root of its namespace", line)
		}
	}
}

// I11 I12: sysctls of the container's namespaces are set in both spellings, and the host's stay.
func TestSysctl(t *testing.T) {
	before := read(t, "/proc/sys/kernel/msgmax")
	b := newBundle(t, withLinux(func(l *specs.Linux) {
		l.Sysctl = map[string]string{"kernel.msgmax": "12345", "net/ipv4/ip_forward": "1", "net.ipv4.conf.lo.forwarding": "1"}
	}), withArgs("cat", "/proc/sys/kernel/msgmax", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/lo/forwarding"))
	wants(t, "sysctls", b.output(), "12345\n1\n1")
	wants(t, "msgmax of the host", read(t, "/proc/sys/kernel/msgmax"), before)
}

// I11: a sysctl that the kernel does not take is an error.
func TestSysctlRefused(t *testing.T) {
	for name, value := range map[string]string{"net.ipv4.nosuch": "1", "kernel.msgmax": "x"} {
		b := newBundle(t, withLinux(func(l *specs.Linux) { l.Sysctl = map[string]string{name: value} }))
		b.try("create").fails("/linux/sysctl/" + name)
		b.nothingLeft()
	}
}

// G5: a network namespace that is bound to a file, as engines keep them, is joined and not removed (C22).
func TestJoinBoundNamespace(t *testing.T) {
	holder := newBundle(t).create()
	file := filepath.Join(holder.dir, "net")
	create(t, file).Close()
	must(t, unix.Mount("/proc/"+itoa(holder.pid)+"/ns/net", file, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(file, unix.MNT_DETACH)) })
	b := newBundle(t, withNamespace(specs.NetworkNamespace, file)).create()
	wants(t, "network namespace", b.namespace("net"), holder.namespace("net"))
	b.try("delete", "--force").succeeds()
	b.wait()
	if !exists(file) {
		t.Error("the file of the namespace is gone")
	}
}
