package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// refusal is a create that must fail: with these fragments in one line of error, status 1, and an environment as if it had
// never been attempted (runtime.md, "Errors").
type refusal struct {
	name   string
	change func(b *bundle)
	want   []string
}

// Section W, create: what can be wrong with the configuration itself. Cases with kernel objects of their own are in the
// files of their section: hooks, namespaces, cgroups, terminal.
var configRefusals = []refusal{
	{"no root", func(b *bundle) { b.spec.Root = nil }, []string{"config.json /root: is missing"}},
	{"root missing", func(b *bundle) { b.spec.Root.Path = "nosuch" }, []string{"config.json /root/path", "nosuch", "no such file or directory"}},
	{"root a file", func(b *bundle) { b.spec.Root.Path = "rootfs/etc/passwd" }, []string{"/root/path", "not a directory"}},
	{"root a link", func(b *bundle) { must(b.t, os.Symlink("rootfs", b.dir+"/link")); b.spec.Root.Path = "link" }, []string{"/root/path", "is a symbolic link"}},
	{"root of the host", func(b *bundle) { b.spec.Root.Path = "/" }, []string{"/root/path", "host"}},
	{"ociVersion of another major", func(b *bundle) { b.spec.Version = "2.0.0" }, []string{`/ociVersion: "2.0.0": not supported`}},
	{"ociVersion missing", func(b *bundle) { b.spec.Version = "" }, []string{"/ociVersion: is missing"}},
	{"ociVersion no SemVer", func(b *bundle) { b.spec.Version = "1.0" }, []string{"/ociVersion", "SemVer"}},
	{"args empty", func(b *bundle) { b.spec.Process.Args = nil }, []string{"/process/args: is empty"}},
	{"cwd relative", func(b *bundle) { b.spec.Process.Cwd = "home" }, []string{`/process/cwd: "home": is not an absolute path`}},
	{"cwd empty", func(b *bundle) { b.spec.Process.Cwd = "" }, []string{"/process/cwd: is missing"}},
	{"env without value", func(b *bundle) { b.spec.Process.Env = []string{"A"} }, []string{"/process/env/0"}},
	{"rlimit unknown", func(b *bundle) { b.spec.Process.Rlimits = rlimits("RLIMIT_NOSUCH") }, []string{`/process/rlimits/0/type: "RLIMIT_NOSUCH"`}},
	{"rlimit twice", func(b *bundle) { b.spec.Process.Rlimits = rlimits("RLIMIT_CORE", "RLIMIT_CORE") }, []string{"/process/rlimits/1/type", "is listed twice"}},
	{"uid that is none", func(b *bundle) { b.spec.Process.User.UID = 1<<32 - 1 }, []string{"/process/user/uid"}},
	{"namespace twice", appendNamespace(specs.LinuxNamespace{Type: specs.PIDNamespace}), []string{"/linux/namespaces/", "/type", "is listed twice"}},
	{"namespace unknown", appendNamespace(specs.LinuxNamespace{Type: "nosuch"}), []string{"/linux/namespaces/", "nosuch"}},
	{"namespace path relative", func(b *bundle) { withNamespace(specs.UTSNamespace, "ns/uts")(b.spec) }, []string{"/path", "is not an absolute path"}},
	{"hostname without uts", func(b *bundle) { withoutNamespace(specs.UTSNamespace)(b.spec) }, []string{"/hostname: needs a namespace of type uts"}},
	{"domainname without uts", func(b *bundle) {
		withoutNamespace(specs.UTSNamespace)(b.spec)
		b.spec.Hostname, b.spec.Domainname = "", "domain"
	}, []string{"/domainname: needs a namespace of type uts"}},
	{"mounts without mount namespace", func(b *bundle) { withoutNamespace(specs.MountNamespace)(b.spec) }, []string{"needs a namespace of type mount"}},
	{"sysctl of the host", sysctl("kernel.panic"), []string{"/linux/sysctl/kernel.panic: belongs to the host"}},
	{"sysctl without its namespace", func(b *bundle) {
		withoutNamespace(specs.IPCNamespace)(b.spec)
		sysctl("kernel.msgmax")(b)
	}, []string{"/linux/sysctl/kernel.msgmax: needs a namespace of type ipc"}},
	{"sysctl kernel.hostname", sysctl("kernel.hostname"), []string{"/linux/sysctl/kernel.hostname"}},
	{"G8 uidMappings, no user namespace", func(b *bundle) {
		b.spec.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 1000, Size: 1}}
	}, []string{"/linux/uidMappings: needs a namespace of type user"}},
	{"idmap without mappings", func(b *bundle) { withBind("/", "/mnt", "idmap")(b.spec) }, []string{"/mounts/", "idmap"}},
	{"only one of the mappings", func(b *bundle) {
		withMount(specs.Mount{Destination: "/mnt", Type: "bind", Source: "/", UIDMappings: []specs.LinuxIDMapping{{Size: 1}}})(b.spec)
	}, []string{"/mounts/", "must be given together"}},
	{"mount in /proc", func(b *bundle) { withBind("/etc", "/proc/sys")(b.spec) }, []string{"/mounts/", "is inside /proc"}},
	{"mount option that bind has not", func(b *bundle) { withBind("/etc", "/mnt", "nosuch")(b.spec) }, []string{"/mounts/", "nosuch"}},
	{"mount source missing", func(b *bundle) { withBind("/nonexistent", "/mnt")(b.spec) }, []string{"/mounts/", "/nonexistent", "no such file or directory"}},
	{"mount of an unknown file system", func(b *bundle) {
		withMount(specs.Mount{Destination: "/mnt", Type: "nosuchfs", Source: "x"})(b.spec)
	}, []string{"/mounts/", "nosuchfs", "no such device"}},
	{"two devices on one path", devices("/dev/x", 3, 5), []string{"/linux/devices/1/path"}},
	{"device on a file", devices("/etc/passwd", 3), []string{"/linux/devices/0", "/etc/passwd"}},
	{"device rule without access", func(b *bundle) { rules(rule(true, "c", 1, 1, ""))(b.spec) }, []string{"/linux/resources/devices/1/access"}},
	{"network device", func(b *bundle) {
		b.spec.Linux.NetDevices = map[string]specs.LinuxNetDevice{"lo": {Name: "eth0"}}
	}, []string{"/linux/netDevices/lo: is the loopback device, which cannot leave its namespace"}},
	{"RDT without resctrl", func(b *bundle) { b.spec.Linux.IntelRdt = &specs.LinuxIntelRdt{ClosID: "x"} }, []string{"/linux/intelRdt"}},
	{"propagation unknown", func(b *bundle) { b.spec.Linux.RootfsPropagation = "public" }, []string{"/linux/rootfsPropagation"}},
	{"masked path relative", func(b *bundle) { b.spec.Linux.MaskedPaths = []string{"proc"} }, []string{"/linux/maskedPaths/0"}},
	{"AppArmor profile", func(b *bundle) { b.spec.Process.ApparmorProfile = "x" }, []string{"/process/apparmorProfile"}},
	{"SELinux label", func(b *bundle) { b.spec.Process.SelinuxLabel = "x" }, []string{"/process/selinuxLabel"}},
	{"hook path relative", hook(specs.Hook{Path: "bin/true"}), []string{"/hooks/createRuntime/0/path"}},
	{"hook timeout 0", hook(specs.Hook{Path: "/bin/true", Timeout: new(0)}), []string{"/hooks/createRuntime/0/timeout: must be greater than zero"}},
	{"hook timeout negative", hook(specs.Hook{Path: "/bin/true", Timeout: new(-1)}), []string{"/hooks/createRuntime/0/timeout"}},
}

func rlimits(kinds ...string) (list []specs.POSIXRlimit) {
	for _, k := range kinds {
		list = append(list, specs.POSIXRlimit{Type: k})
	}
	return list
}

func appendNamespace(n specs.LinuxNamespace) func(*bundle) {
	return func(b *bundle) { b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, n) }
}

func sysctl(name string) func(*bundle) {
	return func(b *bundle) { b.spec.Linux.Sysctl = map[string]string{name: "1"} }
}

func devices(path string, minors ...int64) func(*bundle) {
	return func(b *bundle) {
		for _, minor := range minors {
			b.spec.Linux.Devices = append(b.spec.Linux.Devices, specs.LinuxDevice{Path: path, Type: "c", Major: 1, Minor: minor})
		}
	}
}

func hook(h specs.Hook) func(*bundle) {
	return func(b *bundle) { b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{h}} }
}

func TestCreateRefuses(t *testing.T) {
	for _, test := range configRefusals {
		t.Run("W "+test.name, func(t *testing.T) {
			b := newBundle(t)
			test.change(b)
			r := b.try("create").fails(append(test.want, "create "+b.id+": ")...)
			if n := strings.Count(r.stderr, "\n"); n != 1 || r.stdout != "" {
				t.Errorf("%v: want one line, on stderr", r)
			}
			b.nothingLeft()
		})
	}
}

// W: no bundle, no config.json, text that is no configuration.
func TestBrokenConfig(t *testing.T) {
	b := newBundle(t)
	config := filepath.Join(b.dir, "config.json")
	create := func(dir string) result {
		return invoke(t, invocation{args: []string{"create", "--bundle", dir, b.id}})
	}
	create("/nonexistent").fails("/nonexistent/config.json", "no such file or directory")
	create(b.dir).fails("config.json", "no such file or directory")
	for text, want := range map[string]string{
		"":                         "is empty",
		"{":                        "line 1, column 2",
		"{\n \"ociVersion\": 1.0}": "/ociVersion",
		`{"process":{"args":"x"}}`: "/process/args",
		`{"root":{},"root":{}}`:    "given twice",
		"{} {}":                    "config.json",
		"[]":                       "config.json",
		"\x00\xff":                 "config.json",
	} {
		must(t, os.WriteFile(config, []byte(text), 0o644))
		create(b.dir).fails("config.json", want)
		b.nothingLeft()
	}
}

// A refusal is not remembered: the same id can be used at once.
func TestCreateAfterRefusal(t *testing.T) {
	b := newBundle(t, withBind("/nonexistent", "/mnt"))
	b.try("create").fails("/nonexistent")
	b.spec.Mounts = b.spec.Mounts[:len(b.spec.Mounts)-1]
	b.create().start()
	checkRunning(b)
}
