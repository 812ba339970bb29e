package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mapped is where the ids of the container are on the host.
const mapped = 100000

// withUserNamespace adds a new user namespace of 65536 ids from mapped on.
func withUserNamespace(s *specs.Spec) {
	withMappings(specs.LinuxIDMapping{ContainerID: 0, HostID: mapped, Size: 65536})(s)
}

// withMappings adds a new user namespace with the same mappings for users and groups.
func withMappings(list ...specs.LinuxIDMapping) option {
	return func(s *specs.Spec) {
		withNamespace(specs.UserNamespace, "")(s)
		s.Linux.UIDMappings, s.Linux.GIDMappings = list, list
	}
}

// G1 G9 F38 R5: root of the container is another user on the host, who cannot reach the bundle, and everything is there.
func TestUserNamespace(t *testing.T) {
	b := newBundle(t, withUserNamespace)
	must(t, os.Chmod(b.dir, 0o700)) // of the host's root
	must(t, os.Mkdir(b.dir+"/volume", 0o700))
	must(t, os.WriteFile(b.dir+"/volume/file", []byte("reached\n"), 0o644))
	must(t, os.Chown(b.dir+"/volume", mapped, mapped))
	must(t, os.Mkdir(b.path("volume"), 0o755)) // which root of the container could not make
	withBind(b.dir+"/volume", "/volume", "ro")(b.spec)
	withShell("id -u; cat /proc/self/uid_map /proc/self/gid_map; cat /volume/file; ls -d /sys/class /sys/fs/cgroup; echo x >/volume/new")(b.spec)
	r := b.try("run")
	out := strings.Fields(r.stdout)
	want := strings.Fields("0  0 100000 65536  0 100000 65536  reached /sys/class /sys/fs/cgroup")
	wants(t, "output", strings.Join(out, " "), strings.Join(want, " "))
	if !strings.Contains(r.stderr, "Read-only file system") {
		t.Errorf("the read-only volume could be written to: %v", r)
	}
	b.mountsUnchanged()
}

// G1 G6: every namespace that is new is owned by the new user namespace, and the process is mapped root on the host.
func TestUserNamespaceOwnsTheOthers(t *testing.T) {
	b := newBundle(t, withUserNamespace).create().start()
	user := ownerOf(t, "/proc/"+itoa(b.pid)+"/ns/user", 0)
	for _, n := range namespaceFiles {
		if b.namespace(n.file) == readlink(t, "/proc/self/ns/"+n.file) {
			t.Errorf("%s namespace: is the runtime's", n.kind)
		}
		if ownerOf(t, "/proc/"+itoa(b.pid)+"/ns/"+n.file, unix.NS_GET_USERNS) != user {
			t.Errorf("%s namespace: is not owned by the container's user namespace", n.kind)
		}
	}
	if uid := fileOwner(t, "/proc/"+itoa(b.pid)); uid != mapped {
		t.Errorf("init runs as user %d", uid)
	}
}

// ownerOf is the inode of a namespace, or of the one that request asks for (ioctl_nsfs(2)).
func ownerOf(t *testing.T, path string, request uint) uint64 {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	if request != 0 {
		owner, err := unix.IoctlRetInt(fd, request)
		must(t, err)
		defer unix.Close(owner)
		fd = owner
	}
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	return st.Ino
}

func fileOwner(t *testing.T, path string) uint32 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return st.Uid
}

// G9: all of the 340 lines that the kernel takes, if they fit into a page. It keeps the order of five, and sorts more.
func TestManyMappings(t *testing.T) {
	list := []specs.LinuxIDMapping{{ContainerID: 5000, HostID: 7, Size: 1}}
	for i := range uint32(339) {
		list = append(list, specs.LinuxIDMapping{ContainerID: i, HostID: 10 + 2*i, Size: 1})
	}
	lines := strings.Split(newBundle(t, withMappings(list...), withArgs("cat", "/proc/self/uid_map")).output(), "\n")
	if len(lines) != 340 || strings.Join(strings.Fields(lines[339]), " ") != "5000 7 1" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	few := newBundle(t, withMappings(list[0], specs.LinuxIDMapping{ContainerID: 1, HostID: 1000, Size: 70}, list[1]), withShell("busybox tr -s ' ' </proc/self/gid_map"))
	wants(t, "order of three", few.output(), " 5000 7 1\n 1 1000 70\n 0 10 1")
}

// H5: the kernel lets nobody make a node there, so they are the host's, bound. A device that the host does not have is refused.
func TestUserNamespaceDevices(t *testing.T) {
	b := newBundle(t, withUserNamespace, withShell("echo lost >/dev/null; cat /dev/null; busybox stat -c '%t:%T' /dev/null /dev/zero /dev/tty"))
	wants(t, "devices", b.output(), "1:3\n1:5\n5:0")
	b = newBundle(t, withUserNamespace, withLinux(func(l *specs.Linux) {
		l.Devices = []specs.LinuxDevice{{Path: "/dev/zero", Type: "c", Major: 4095, Minor: 3}}
	}))
	b.try("create").fails("/linux/devices/0", "/dev/zero", "no such node")
	b.nothingLeft()
}

// E10 E12: an identity that has no mapping is an error that says where to add one.
func TestUnmappedIdentity(t *testing.T) {
	for name, change := range map[string]func(*specs.User){
		"uid":              func(u *specs.User) { u.UID = 65536 },
		"gid":              func(u *specs.User) { u.GID = 65536 },
		"additionalGids/1": func(u *specs.User) { u.AdditionalGids = []uint32{5, 70000} },
	} {
		b := newBundle(t, withUserNamespace, withProcess(func(p *specs.Process) { change(&p.User) }))
		b.try("create").fails("/process/user/"+name, "has no mapping in the container's user namespace")
		b.nothingLeft()
	}
	b := newBundle(t, withUserNamespace, withProcess(func(p *specs.Process) {
		p.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{7, 8}}
	}), withArgs("sh", "-c", "id -u; id -g; id -G"))
	wants(t, "identity", b.output(), "1000\n1000\n1000 7 8")
}

// G5 G7 G14: a user namespace is joined, alone and with all that it owns, with no mappings or the same ones.
func TestJoinUserNamespace(t *testing.T) {
	holder := newBundle(t, withUserNamespace).create().start()
	path := "/proc/" + itoa(holder.pid) + "/ns/"
	t.Run("alone", func(t *testing.T) {
		b := newBundle(t, withNamespace(specs.UserNamespace, path+"user")).create().start()
		checkRunning(b)
		wants(t, "user namespace", b.namespace("user"), holder.namespace("user"))
		if b.namespace("net") == holder.namespace("net") {
			t.Error("the network namespace has been joined too")
		}
		if ownerOf(t, "/proc/"+itoa(b.pid)+"/ns/net", unix.NS_GET_USERNS) != ownerOf(t, path+"user", 0) {
			t.Error("the new network namespace is not owned by the joined user namespace")
		}
	})
	t.Run("all but mount", func(t *testing.T) {
		b := newBundle(t, withNamespace(specs.UserNamespace, path+"user"))
		for _, n := range namespaceFiles {
			if n.kind != specs.MountNamespace {
				withNamespace(n.kind, path+n.file)(b.spec)
			}
		}
		b.create().start()
		checkRunning(b)
		for _, n := range namespaceFiles {
			if n.kind != specs.MountNamespace {
				wants(t, n.file, b.namespace(n.file), holder.namespace(n.file))
			}
		}
	})
	t.Run("G6 with namespaces of the host", func(t *testing.T) {
		b := newBundle(t, withNamespace(specs.UserNamespace, path+"user"), withNamespace(specs.UTSNamespace, "/proc/self/ns/uts"),
			withNamespace(specs.IPCNamespace, "/proc/self/ns/ipc"), withoutMount("/dev/mqueue"))
		b.spec.Hostname = ""
		b.create().start()
		checkRunning(b)
		wants(t, "uts", b.namespace("uts"), readlink(t, "/proc/self/ns/uts"))
	})
	t.Run("G7 same mappings", func(t *testing.T) {
		b := newBundle(t, withUserNamespace)
		withNamespace(specs.UserNamespace, path+"user")(b.spec)
		b.create()
	})
	t.Run("G7 other mappings", func(t *testing.T) {
		b := newBundle(t, withMappings(specs.LinuxIDMapping{HostID: mapped + 1, Size: 65536}))
		withNamespace(specs.UserNamespace, path+"user")(b.spec)
		b.try("create").fails("/linux/uidMappings", "other mappings: 0 100000 65536")
		b.nothingLeft()
	})
	t.Run("the runtime's own", func(t *testing.T) {
		b := newBundle(t, withNamespace(specs.UserNamespace, "/proc/self/ns/user")).create().start()
		checkRunning(b)
	})
}

// G9: a namespace without its root cannot hold a container.
func TestJoinUserNamespaceWithoutRoot(t *testing.T) {
	requireRoot(t)
	holder := exec.Command("unshare", "-U", "sleep", "600") // no mapping at all
	if err := holder.Start(); err != nil {
		t.Skip("unshare(1) is missing")
	}
	path := "/proc/" + itoa(holder.Process.Pid) + "/ns/user"
	eventually(t, "unshare is in its namespace", func() bool { return readlink(t, path) != readlink(t, "/proc/self/ns/user") })
	b := newBundle(t, withNamespace(specs.UserNamespace, path))
	r := b.try("create")
	holder.Process.Kill()
	holder.Wait()
	r.fails("root of the user namespace", "must be mapped")
	b.nothingLeft()
}

// G1: hooks, a filter, state and exec of a container in a user namespace.
func TestUserNamespaceLifecycle(t *testing.T) {
	b := newBundle(t, withUserNamespace, withHooks(specs.Hooks{
		CreateRuntime:   []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", ""}, Env: []string{"PATH=/bin:/usr/bin"}}},
		CreateContainer: []specs.Hook{{Path: "/bin/true"}},
	}))
	b.spec.Hooks.CreateRuntime[0].Args[2] = "id -u >" + filepath.Join(b.dir, "uid")
	b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	b.create()
	wants(t, "status", b.state().Status, "created")
	wants(t, "user of a runtime hook", read(t, filepath.Join(b.dir, "uid")), "0\n")
	b.start()
	wants(t, "status", b.state().Status, "running")
	wants(t, "exec", b.execs("id -u; cat /proc/self/uid_map | busybox tr -s ' '; busybox ps -o pid | busybox wc -l >/dev/null"), "0\n 0 100000 65536")
	wants(t, "namespace of an exec", b.execs("readlink /proc/self/ns/user"), b.namespace("user"))
	b.stop()
	b.try("delete").succeeds()
}

// D9: descriptors of the caller go through to a container in a user namespace.
func TestUserNamespacePreservesDescriptors(t *testing.T) {
	b := newBundle(t, withUserNamespace, withArgs("cat", "/proc/self/fd/3"))
	file := create(t, filepath.Join(b.dir, "handed-over"))
	defer file.Close()
	must(t, os.WriteFile(file.Name(), []byte("yes\n"), 0o644))
	must(t, os.Chmod(file.Name(), 0o666))
	r := b.tryWith(invocation{extra: []*os.File{file}}, "run", "--preserve-fds", "1").succeeds()
	wants(t, "output", r.stdout, "yes\n")
}

// I11: user.* belongs to the container's user namespace, and cannot be set without one.
func TestUserSysctl(t *testing.T) {
	b := newBundle(t, withUserNamespace, withArgs("cat", "/proc/sys/user/max_uts_namespaces"))
	b.spec.Linux.Sysctl = map[string]string{"user.max_uts_namespaces": "17"}
	wants(t, "sysctl", b.output(), "17")
	b = newBundle(t)
	b.spec.Linux.Sysctl = map[string]string{"user.max_uts_namespaces": "17"}
	b.try("create").fails("needs a namespace of type user")
}

// G2 G12: the clocks of a new time namespace are set, for the program and for an exec, with a user namespace and without.
func TestTimeNamespace(t *testing.T) {
	if _, err := os.Stat("/proc/self/ns/time"); err != nil {
		t.Skip("the kernel is built without time namespaces")
	}
	withTime := func(s *specs.Spec) {
		withNamespace(specs.TimeNamespace, "")(s)
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 100000000}, "monotonic": {Secs: 5, Nanosecs: 7}}
	}
	for name, options := range map[string][]option{"alone": {withTime}, "with a user namespace": {withTime, withUserNamespace}} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, append(options, withShell("cat /proc/uptime; sleep 600"))...).create().start()
			if up := b.printed(); len(up) < len("100000000.00") || up[0] != '1' {
				t.Errorf("uptime is %s", up)
			}
			if b.namespace("time") == readlink(t, "/proc/self/ns/time") {
				t.Error("the program is in the runtime's time namespace")
			}
			if b.namespace("time") != b.namespace("time_for_children") {
				t.Error("children of the program would be in another time namespace")
			}
			if up := b.execs("cat /proc/uptime"); len(up) < len("100000000.00") || up[0] != '1' {
				t.Errorf("uptime of an exec is %s", up)
			}
			joined := newBundle(t, withNamespace(specs.TimeNamespace, "/proc/"+itoa(b.pid)+"/ns/time")).create().start()
			wants(t, "joined", joined.namespace("time"), b.namespace("time"))
			checkRunning(joined)
		})
	}
	b := newBundle(t, withTime)
	b.spec.Linux.TimeOffsets["boottime"] = specs.LinuxTimeOffset{Secs: -1 << 62}
	b.try("create").fails("/linux/timeOffsets", "timens_offsets", "numerical result out of range")
	b.nothingLeft()
	b.spec.Linux.Namespaces[len(b.spec.Linux.Namespaces)-1].Path = "/proc/self/ns/time"
	b.try("create").fails("/linux/timeOffsets", "needs a new time namespace")
}

// F38: what root of the container mounts on a volume that the runtime has opened for it stays in the container.
func TestUserNamespaceMountsStayInside(t *testing.T) {
	b := newBundle(t, withUserNamespace, withProcess(func(p *specs.Process) {
		for _, set := range []*[]string{&p.Capabilities.Bounding, &p.Capabilities.Effective, &p.Capabilities.Permitted} {
			*set = append(*set, "CAP_SYS_ADMIN")
		}
	}), withShell("busybox mount -t tmpfs none /volume && busybox mount -t tmpfs none /home && echo mounted; sleep 600"))
	must(t, os.Mkdir(b.path("volume"), 0o755))
	withBind(b.directory("volume"), "/volume", "rbind")(b.spec)
	b.create().start()
	wants(t, "output", b.printed(), "mounted")
	b.mountsUnchanged()
}
