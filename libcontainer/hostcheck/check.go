package hostcheck

import (
	"maps"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Finding is one thing that is missing. A warning need not be in the way: a kernel module may be loaded on demand, a mount
// may bring the file.
type Finding struct {
	Warning bool
	fault.Error
}

// Check compares a configuration, in which package spec found nothing wrong, with a host. bundle is an absolute path;
// relative paths of the configuration begin there.
func Check(s *specs.Spec, bundle string, f *Facts) []Finding {
	c := &checker{s: s, f: f, bundle: bundle, linux: s.Linux}
	if c.linux == nil {
		c.linux = &specs.Linux{}
	}
	c.kernel()
	c.namespaces()
	c.root()
	c.mounts()
	c.program()
	c.labels()
	c.hooks()
	c.sysctls()
	c.seccomp()
	c.limits()
	return c.findings
}

type checker struct {
	s        *specs.Spec
	f        *Facts
	bundle   string
	linux    *specs.Linux // never nil
	findings []Finding
}

// add notes what is missing at a pointer; the caller may fill in more.
func (c *checker) add(pointer string, why error) *Finding {
	c.findings = append(c.findings, Finding{Error: fault.Error{Pointer: pointer, Err: why}})
	return &c.findings[len(c.findings)-1]
}

func (c *checker) warn(pointer string, why error) *Finding {
	f := c.add(pointer, why)
	f.Warning = true
	return f
}

// hostPath is a path of the configuration that may be relative to the bundle.
func (c *checker) hostPath(p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return path.Join(c.bundle, p)
}

func (c *checker) kernel() {
	for _, what := range c.f.Lacks {
		c.add("", fault.Text("the kernel lacks "+what))
	}
	user := slices.ContainsFunc(c.linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace })
	if !c.f.Privileged && !user {
		c.add("/linux/namespaces", fault.Text("without CAP_SYS_ADMIN a container needs a user namespace")).Hint =
			`run tare as root, or begin with "tare spec --rootless"`
	}
}

// namespaceFile is the name in /proc/PID/ns.
func namespaceFile(kind specs.LinuxNamespaceType) string {
	switch kind {
	case specs.NetworkNamespace:
		return "net"
	case specs.MountNamespace:
		return "mnt"
	}
	return string(kind)
}

func (c *checker) namespaces() {
	for i, n := range c.linux.Namespaces {
		at := fault.Ptr("linux", "namespaces", i)
		if !c.f.Namespaces[namespaceFile(n.Type)] {
			c.add(at, fault.Text("the kernel has no namespaces of type "+string(n.Type)))
		}
		if n.Path == "" {
			continue
		}
		kind, err := c.f.Host.NamespaceType(n.Path)
		if err == nil && kind != string(n.Type) {
			err = fault.Text("it is a " + kind + " namespace, not a " + string(n.Type) + " namespace")
		}
		if err != nil {
			f := c.add(at+"/path", err)
			f.Op, f.Path = "open namespace", n.Path
		}
	}
}

func (c *checker) root() {
	if c.s.Root == nil {
		return
	}
	dir := c.hostPath(c.s.Root.Path)
	mode, err := c.f.Host.Stat(dir)
	if err == nil && mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err != nil {
		f := c.add("/root/path", err)
		f.Op, f.Path, f.Hint = "root", dir, "the root must be an existing directory"
	}
}

func isBind(m *specs.Mount) bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

func (c *checker) mounts() {
	for i := range c.s.Mounts {
		m := &c.s.Mounts[i]
		at := fault.Ptr("mounts", i)
		switch {
		case isBind(m):
			if _, err := c.f.Host.Stat(c.hostPath(m.Source)); err != nil {
				f := c.add(at+"/source", err)
				f.Path, f.Hint = c.hostPath(m.Source), "create it or remove the mount"
			}
		case m.Type == "cgroup" || m.Type == "cgroup2":
			if !c.f.Hierarchies {
				c.add(at, fault.Text("no cgroup file system is mounted"))
			}
		case m.Type != "" && m.Type != "none" && !c.f.Filesystems[m.Type]:
			f := c.warn(at+"/type", fault.Text("the kernel does not know this file system now"))
			f.Path, f.Hint = m.Type, "it may be a module that has to be loaded"
		}
	}
}

// program looks for the program in the root. A mount over the place hides what is there now, so then nothing is said.
func (c *checker) program() {
	p, dir := c.s.Process, ""
	if p == nil || len(p.Args) == 0 || c.s.Root == nil {
		return
	}
	dir = c.hostPath(c.s.Root.Path)
	if mode, err := c.f.Host.Stat(dir); err != nil || mode&unix.S_IFMT != unix.S_IFDIR {
		return // has been said
	}
	places := []string{p.Args[0]}
	if !strings.Contains(p.Args[0], "/") {
		places = nil
		for _, d := range strings.Split(searchPath(p.Env), ":") {
			places = append(places, path.Join("/", d, p.Args[0]))
		}
	} else if !path.IsAbs(p.Args[0]) {
		places = []string{path.Join(p.Cwd, p.Args[0])}
	}
	var last error
	for _, place := range places {
		mode, err := c.f.Host.StatIn(dir, place)
		if err == nil && mode&unix.S_IFMT == unix.S_IFREG && mode&0o111 == 0 {
			err = unix.EACCES
		}
		if err == nil && mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.EISDIR
		}
		if err == nil || c.covered(place) {
			return
		}
		if last == nil || err != unix.ENOENT {
			last = err
		}
	}
	f := c.warn("/process/args/0", last)
	f.Path, f.Hint = p.Args[0], "it is neither in the root nor below one of the mounts"
	if last != unix.ENOENT {
		f.Hint = "the file must be one that may be executed"
	}
}

// searchPath is PATH of the program's environment; the last one counts.
func searchPath(env []string) string {
	for _, e := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			return value
		}
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// covered says that a container path lies on one of the mounts.
func (c *checker) covered(place string) bool {
	return slices.ContainsFunc(c.s.Mounts, func(m specs.Mount) bool {
		at := path.Join("/", m.Destination)
		return at == "/" || place == at || strings.HasPrefix(place, at+"/")
	})
}

func (c *checker) labels() {
	p := c.s.Process
	if p != nil && p.ApparmorProfile != "" && p.ApparmorProfile != "unconfined" && !c.f.Apparmor {
		c.add("/process/apparmorProfile", fault.Text("AppArmor is not enabled on this host")).Path = p.ApparmorProfile
	}
	if p != nil && p.SelinuxLabel != "" && !c.f.Selinux {
		c.add("/process/selinuxLabel", fault.Text("SELinux is not enabled on this host")).Path = p.SelinuxLabel
	}
	if c.linux.MountLabel != "" && !c.f.Selinux {
		c.add("/linux/mountLabel", fault.Text("SELinux is not enabled on this host")).Path = c.linux.MountLabel
	}
}

// hooks are looked up on the host, except those that come out of the image.
func (c *checker) hooks() {
	h := c.s.Hooks
	if h == nil {
		return
	}
	for _, kind := range []struct {
		name  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart}, {"createRuntime", h.CreateRuntime}, {"createContainer", h.CreateContainer},
		{"poststart", h.Poststart}, {"poststop", h.Poststop},
	} {
		for i, hook := range kind.hooks {
			if err := c.f.Host.Executable(hook.Path); err != nil {
				c.add(fault.Ptr("hooks", kind.name, i, "path"), err).Path = hook.Path
			}
		}
	}
}

// sysctls looks for the names in the caller's namespaces. Those of a namespace that is made may have more, never fewer,
// except that interfaces of the network are its own.
func (c *checker) sysctls() {
	for _, name := range slices.Sorted(maps.Keys(c.linux.Sysctl)) {
		file := name
		if !strings.Contains(name, "/") {
			file = strings.ReplaceAll(name, ".", "/")
		}
		if strings.HasPrefix(file, "net/") && strings.Contains(file, "/conf/") {
			continue
		}
		if _, err := c.f.Host.Stat("/proc/sys/" + file); err != nil {
			c.add(fault.Ptr("linux", "sysctl", name), err).Path = "/proc/sys/" + file
		}
	}
}

// seccompWord is the kernel's name of an action (seccomp(2), /proc/sys/kernel/seccomp/actions_avail).
func seccompWord(action specs.LinuxSeccompAction) string {
	switch action {
	case specs.ActKill:
		return "kill_thread"
	case specs.ActNotify:
		return "user_notif"
	}
	return strings.ToLower(strings.TrimPrefix(string(action), "SCMP_ACT_"))
}

func (c *checker) seccomp() {
	profile := c.linux.Seccomp
	if profile == nil {
		return
	}
	if c.f.Seccomp == nil {
		c.add("/linux/seccomp", fault.Text("the kernel has no seccomp filters"))
		return
	}
	c.seccompAction("/linux/seccomp/defaultAction", profile.DefaultAction)
	for i, entry := range profile.Syscalls {
		c.seccompAction(fault.Ptr("linux", "seccomp", "syscalls", i, "action"), entry.Action)
	}
	if profile.ListenerPath == "" {
		return
	}
	mode, err := c.f.Host.Stat(profile.ListenerPath)
	if err == nil && mode&unix.S_IFMT != unix.S_IFSOCK {
		err = unix.ENOTSOCK
	}
	if err != nil {
		f := c.add("/linux/seccomp/listenerPath", err)
		f.Path, f.Hint = profile.ListenerPath, "the agent must listen before create"
	}
}

func (c *checker) seccompAction(at string, action specs.LinuxSeccompAction) {
	if action != "" && !c.f.Seccomp[seccompWord(action)] {
		c.add(at, fault.Text("the kernel lacks this action")).Path = string(action)
	}
}
