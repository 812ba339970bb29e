package hostcheck

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// files is a made-up host: modes by path; those of the root are under "root:".
type files map[string]uint32

func (f files) Stat(path string) (uint32, error) {
	mode, ok := f[path]
	if !ok {
		return 0, unix.ENOENT
	}
	return mode, nil
}

func (f files) Executable(path string) error {
	mode, err := f.Stat(path)
	if err == nil && mode&0o111 == 0 {
		err = unix.EACCES
	}
	return err
}

func (f files) StatIn(_, path string) (uint32, error) { return f.Stat("root:" + path) }

func (f files) NamespaceType(path string) (string, error) {
	if _, err := f.Stat(path); err != nil {
		return "", err
	}
	return filepath.Base(path), nil
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// rich has everything that the configuration of full needs.
func rich() *Facts {
	return &Facts{
		Privileged: true, Filesystems: set("proc tmpfs"), Namespaces: set("pid net mnt"),
		Controllers: set("memory cpu cpuset pids io hugetlb rdma net_cls net_prio"), Unified: set("memory"),
		HugePageSizes: set("2MB"), Seccomp: set("allow errno user_notif"), Hierarchies: true, Apparmor: true, Selinux: true,
		Host: files{
			"/b/rootfs": unix.S_IFDIR | 0o755, "root:/bin/sh": unix.S_IFREG | 0o755, "/srv": unix.S_IFDIR | 0o755,
			"/run/network": unix.S_IFREG, "/hook": unix.S_IFREG | 0o755, "/proc/sys/net/ipv4/ip_forward": unix.S_IFREG,
			"/agent": unix.S_IFSOCK,
		},
	}
}

func full() *specs.Spec {
	return &specs.Spec{
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Args: []string{"sh"}, Cwd: "/", Env: []string{"PATH=/none:/bin"}, ApparmorProfile: "p", SelinuxLabel: "l"},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"}, {Destination: "/data", Source: "/srv", Options: []string{"rbind"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup"},
		},
		Hooks: &specs.Hooks{Poststop: []specs.Hook{{Path: "/hook"}}, StartContainer: []specs.Hook{{Path: "/of/the/image"}}},
		Linux: &specs.Linux{
			MountLabel: "m",
			Namespaces: []specs.LinuxNamespace{{Type: "pid"}, {Type: "network", Path: "/run/network"}, {Type: "mount"}},
			Sysctl:     map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.arp_ignore": "1"},
			Seccomp: &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/agent",
				Syscalls: []specs.LinuxSyscall{{Action: specs.ActNotify}}},
			Resources: &specs.LinuxResources{
				Memory: &specs.LinuxMemory{Limit: new(int64(1))}, CPU: &specs.LinuxCPU{Shares: new(uint64(2)), Cpus: "0"},
				Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}, HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB"}},
				Rdma: map[string]specs.LinuxRdma{"r": {}}, Unified: map[string]string{"memory.high": "1", "cgroup.freeze": "0"},
				Network: &specs.LinuxNetwork{ClassID: new(uint32(1)), Priorities: []specs.LinuxInterfacePriority{{Name: "eth0"}}},
			},
		},
	}
}

func TestCheck(t *testing.T) {
	without := func(path string) func(*specs.Spec, *Facts) {
		return func(_ *specs.Spec, f *Facts) { delete(f.Host.(files), path) }
	}
	mode := func(path string, mode uint32) func(*specs.Spec, *Facts) {
		return func(_ *specs.Spec, f *Facts) { f.Host.(files)[path] = mode }
	}
	const r = "/linux/resources/"
	for _, row := range []struct {
		name   string
		change func(*specs.Spec, *Facts)
		want   string // pointers; a question mark follows that of a warning
	}{
		{"all there", func(*specs.Spec, *Facts) {}, ""},
		{"empty configuration", func(s *specs.Spec, _ *Facts) { *s = specs.Spec{} }, ""},
		{"old kernel", func(_ *specs.Spec, f *Facts) { f.Lacks = []string{"openat2", "close_range"} }, "- -"},
		{"no privilege", func(_ *specs.Spec, f *Facts) { f.Privileged = false }, "/linux/namespaces"},
		{"no privilege, user namespace", func(s *specs.Spec, f *Facts) {
			f.Privileged, f.Namespaces["user"] = false, true
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: "user"})
		}, ""},
		{"no such namespaces", func(_ *specs.Spec, f *Facts) { f.Namespaces = nil }, "/linux/namespaces/0 /linux/namespaces/1 /linux/namespaces/2"},
		{"namespace gone", without("/run/network"), "/linux/namespaces/1/path"},
		{"namespace of another type", func(s *specs.Spec, _ *Facts) { s.Linux.Namespaces[1].Path = "/srv" }, "/linux/namespaces/1/path"},
		{"no root", without("/b/rootfs"), "/root/path"},
		{"root is a file", mode("/b/rootfs", unix.S_IFREG), "/root/path"},
		{"no source", without("/srv"), "/mounts/1/source"},
		{"unknown file system", func(_ *specs.Spec, f *Facts) { f.Filesystems = nil }, "/mounts/0/type?"},
		{"no cgroups", func(_ *specs.Spec, f *Facts) { f.Hierarchies = false }, "/mounts/2"},
		{"no program", without("root:/bin/sh"), "/process/args/0?"},
		{"program may not be executed", mode("root:/bin/sh", unix.S_IFREG|0o644), "/process/args/0?"},
		{"program is a directory", mode("root:/bin/sh", unix.S_IFDIR|0o755), "/process/args/0?"},
		{"program below a mount", func(s *specs.Spec, f *Facts) { s.Process.Args[0] = "/data/x" }, ""},
		{"program in the working directory", func(s *specs.Spec, f *Facts) { s.Process.Args[0], s.Process.Cwd = "./sh", "/bin" }, ""},
		{"no AppArmor", func(_ *specs.Spec, f *Facts) { f.Apparmor = false }, "/process/apparmorProfile"},
		{"unconfined", func(s *specs.Spec, f *Facts) { f.Apparmor, s.Process.ApparmorProfile = false, "unconfined" }, ""},
		{"no SELinux", func(_ *specs.Spec, f *Facts) { f.Selinux = false }, "/process/selinuxLabel /linux/mountLabel"},
		{"no hook", without("/hook"), "/hooks/poststop/0/path"},
		{"hook may not be executed", mode("/hook", unix.S_IFREG|0o644), "/hooks/poststop/0/path"},
		{"no sysctl", without("/proc/sys/net/ipv4/ip_forward"), "/linux/sysctl/net.ipv4.ip_forward"},
		{"no seccomp", func(_ *specs.Spec, f *Facts) { f.Seccomp = nil }, "/linux/seccomp"},
		{"no such actions", func(_ *specs.Spec, f *Facts) { f.Seccomp = set("errno") }, "/linux/seccomp/defaultAction /linux/seccomp/syscalls/0/action"},
		{"no agent", without("/agent"), "/linux/seccomp/listenerPath"},
		{"agent is a file", mode("/agent", unix.S_IFREG), "/linux/seccomp/listenerPath"},
		{"no controllers", func(_ *specs.Spec, f *Facts) { f.Controllers, f.Unified = nil, nil }, r + "memory " + r + "cpu " + r + "cpu " +
			r + "pids " + r + "blockIO " + r + "hugepageLimits/0 " + r + "rdma " + r + "network/classID " + r + "network/priorities " + r + "unified/memory.high"},
		{"v1 name of io", func(_ *specs.Spec, f *Facts) { delete(f.Controllers, "io"); f.Controllers["blkio"] = true }, ""},
		{"no such huge pages", func(_ *specs.Spec, f *Facts) { f.HugePageSizes = nil }, r + "hugepageLimits/0/pageSize"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, f := full(), rich()
			row.change(s, f)
			var got []string
			for _, finding := range Check(s, "/b", f) {
				pointer := finding.Pointer
				if pointer == "" {
					pointer = "-"
				}
				if finding.Warning {
					pointer += "?"
				}
				if finding.Err == nil || finding.Err.Error() == "" {
					t.Errorf("%s gives no reason", pointer)
				}
				got = append(got, pointer)
			}
			if want := strings.Fields(row.want); !slices.Equal(got, want) {
				t.Errorf("found %q, want %q", got, want)
			}
		})
	}
}

// This machine runs the tests of a container runtime: it must have what a simple container needs.
func TestGather(t *testing.T) {
	f := Gather(nil)
	if len(f.Lacks) != 0 || !f.Filesystems["proc"] || !f.Namespaces["mnt"] || f.Hierarchies {
		t.Errorf("%+v", f)
	}
	if f.Privileged != (os.Geteuid() == 0) {
		t.Skip("neither root nor without capabilities") // a user with some of them
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/cgroup.controllers", []byte("memory io\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f = Gather(map[string]string{"": dir, "pids": "/x"})
	if !f.Hierarchies || !f.Controllers["io"] || !f.Controllers["pids"] || !f.Unified["memory"] || f.Unified["pids"] {
		t.Errorf("%+v", f)
	}
}

func TestHost(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/", dir+"/outside"); err != nil {
		t.Fatal(err)
	}
	if _, err := (host{}).StatIn(dir, "/outside/etc"); err != unix.ENOENT {
		t.Errorf("a link led out of the root: %v", err)
	}
	if kind, err := (host{}).NamespaceType("/proc/self/ns/uts"); kind != "uts" || err != nil {
		t.Errorf("%q, %v", kind, err)
	}
	if _, err := (host{}).NamespaceType("/dev/null"); err == nil {
		t.Error("/dev/null is taken for a namespace")
	}
}
