package integration

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// H6 H8 H9 H10: the default devices and links.
func TestDefaultDevices(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", `
		cd /dev
		stat -c '%n %t:%T %a %u:%g' null zero full random urandom tty
		for l in fd stdin stdout stderr ptmx; do echo $l $(readlink $l); done
		[ ! -e /proc/kcore ] && ln -s /proc/kcore core
		readlink core
	`))
	wants(t, "/dev", b.output(), strings.TrimSpace(`
null 1:3 666 0:0
zero 1:5 666 0:0
full 1:7 666 0:0
random 1:8 666 0:0
urandom 1:9 666 0:0
tty 5:0 666 0:0
fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
ptmx pts/ptmx
/proc/kcore`))
}

// H6 H8: where /dev is bound by the caller, nothing is made in it.
func TestBoundDev(t *testing.T) {
	b := newBundle(t, withoutMount("/dev"), withoutMount("/dev/pts"), withoutMount("/dev/shm"), withoutMount("/dev/mqueue"), withArgs("ls", "-A", "/dev"))
	source := b.directory("dev")
	must(t, os.WriteFile(source+"/marker", nil, 0o644))
	b.spec.Mounts = append([]specs.Mount{{Destination: "/dev", Type: "bind", Source: source, Options: []string{"bind"}}}, b.spec.Mounts...)
	wants(t, "/dev", b.output(), "marker")
}

// H1 H2 H4: nodes of every type, with mode and owner, also outside of /dev; the mode is exact, whatever the umask.
func TestListedDevices(t *testing.T) {
	mode := new(os.FileMode(0o620))
	id := new(uint32(1000))
	b := newBundle(t, withLinux(func(l *specs.Linux) {
		l.Devices = []specs.LinuxDevice{
			{Path: "/dev/c", Type: "c", Major: 1, Minor: 5},
			{Path: "/dev/sub/u", Type: "u", Major: 1, Minor: 7, FileMode: mode, UID: id, GID: id},
			{Path: "/elsewhere/b", Type: "b", Major: 7, Minor: 300, FileMode: new(os.FileMode(0o777))},
			{Path: "/dev/p", Type: "p", FileMode: new(os.FileMode(0o4600))},
			{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: new(os.FileMode(0o600))},
			{Path: "/dev/random", Type: "c", Major: 1, Minor: 9}, // in place of the default device (H6)
		}
	}), withArgs("busybox", "stat", "-c", "%n %F %t:%T %a %u:%g", "/dev/c", "/dev/sub/u", "/elsewhere/b", "/dev/p", "/dev/null", "/dev/random"))
	wants(t, "devices", b.output(), strings.TrimSpace(`
/dev/c character special file 1:5 666 0:0
/dev/sub/u character special file 1:7 620 1000:1000
/elsewhere/b block special file 7:12c 777 0:0
/dev/p fifo 0:0 4600 0:0
/dev/null character special file 1:3 600 0:0
/dev/random character special file 1:9 666 0:0`))
}

// H8: engines list the host's ptmx for privileged containers; that of the container's own terminals takes its place.
func TestListedPtmx(t *testing.T) {
	for _, more := range []option{func(*specs.Spec) {}, withUserNamespace} {
		b := newBundle(t, more, withLinux(func(l *specs.Linux) {
			l.Devices = []specs.LinuxDevice{{Path: "/dev//ptmx", Type: "c", Major: 5, Minor: 2}}
		}), withArgs("readlink", "/dev/ptmx"))
		wants(t, "ptmx", b.output(), "pts/ptmx")
	}
}

// H5: in a user namespace a device has a name of its own, as with docker --device=/dev/full:/dev/other; the host's node is bound.
func TestRenamedDeviceInUserNamespace(t *testing.T) {
	b := newBundle(t, withUserNamespace, withLinux(func(l *specs.Linux) {
		l.Devices = []specs.LinuxDevice{{Path: "/dev/other", Type: "c", Major: 1, Minor: 7}, {Path: "/dev/null", Type: "c", Major: 1, Minor: 5}}
	}), withShell("stat -c '%t:%T' /dev/other /dev/null; echo x >/dev/other"))
	r := b.try("run")
	wants(t, "devices", r.stdout, "1:7\n1:5\n")
	wants(t, "stderr", strings.TrimSpace(r.stderr), "sh: write error: No space left on device")
}

// H3: a path that has something else already is an error (config-linux.md: MUST); the same device is none.
func TestDeviceConflict(t *testing.T) {
	device := func(path string) option {
		return withLinux(func(l *specs.Linux) { l.Devices = []specs.LinuxDevice{{Path: path, Type: "c", Major: 1, Minor: 5}} })
	}
	b := newBundle(t, device("/there"))
	b.file("there", "content")
	b.try("create").fails("/linux/devices/0", "/there")
	b.nothingLeft()
	wants(t, "file of the image", read(t, b.path("there")), "content")

	same := newBundle(t, device("/there"), withArgs("sh", "-c", "stat -c %t:%T /there"))
	must(t, unix.Mknod(same.path("there"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))))
	wants(t, "device", same.output(), "1:5")
}

// rules are device rules on top of what the template has, which denies everything.
func rules(list ...specs.LinuxDeviceCgroup) option {
	return withResources(func(r *specs.LinuxResources) { r.Devices = append(r.Devices, list...) })
}

func rule(allow bool, kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	r := specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Access: access}
	if major >= 0 {
		r.Major = &major
	}
	if minor >= 0 {
		r.Minor = &minor
	}
	return r
}

// H11 H12 H13 H14 H15 H17: what the program may open and make, by rules. Major 1, minor 11 is /dev/kmsg, whose opening for
// reading is refused by nothing but the filter.
func TestDeviceFilter(t *testing.T) {
	const kmsgMinor = 11
	for _, test := range []struct {
		name               string
		rules              []specs.LinuxDeviceCgroup
		read, write, mknod bool
	}{
		{"denied by default", nil, false, false, true},
		{"allowed", []specs.LinuxDeviceCgroup{rule(true, "c", 1, kmsgMinor, "rwm")}, true, true, true},
		{"read alone", []specs.LinuxDeviceCgroup{rule(true, "c", 1, kmsgMinor, "r")}, true, false, true},
		{"write alone", []specs.LinuxDeviceCgroup{rule(true, "c", 1, kmsgMinor, "w")}, false, true, true},
		{"every minor", []specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "rw")}, true, true, true},
		{"every major", []specs.LinuxDeviceCgroup{rule(true, "c", -1, kmsgMinor, "rw")}, true, true, true},
		{"everything", []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm")}, true, true, true},
		{"another type", []specs.LinuxDeviceCgroup{rule(true, "b", 1, kmsgMinor, "rwm")}, false, false, true},
		{"a hole in a wildcard", []specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "rwm"), rule(false, "c", 1, kmsgMinor, "rwm")}, false, false, false},
		{"a part of a hole", []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm"), rule(false, "c", 1, kmsgMinor, "w")}, true, false, true},
		{"listed order", []specs.LinuxDeviceCgroup{rule(false, "c", 1, kmsgMinor, "rwm"), rule(true, "c", 1, kmsgMinor, "rw")}, true, true, false},
		{"reset", []specs.LinuxDeviceCgroup{rule(true, "c", 1, kmsgMinor, "rwm"), rule(false, "", -1, -1, "rwm")}, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, rules(test.rules...), withArgs("sh", "-c", `
				(: </node) 2>/dev/null; echo read $?
				(: >/node) 2>/dev/null; echo write $?
				mknod /dev/made c 1 11 2>/dev/null; echo mknod $?
			`))
			// In the image, because the rules are for the nodes that tare makes too.
			must(t, unix.Mknod(b.path("node"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, kmsgMinor))))
			mknod := []string{"CAP_MKNOD", "CAP_SYSLOG"}
			b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: mknod, Permitted: mknod, Effective: mknod}
			if hole := strings.Contains(test.name, "hole in a wildcard") || test.name == "listed order"; hole && unifiedMount(t) == "" {
				b.try("run").fails("cgroup v1 cannot except it from c *:* m") // everybody may make nodes; see package devicefilter
				return
			}
			got := b.output()
			status := func(name string, allowed bool) string {
				if allowed {
					return name + " 0"
				}
				return name + " 1"
			}
			wants(t, "result", got, strings.Join([]string{status("read", test.read), status("write", test.write), status("mknod", test.mknod)}, "\n"))
		})
	}
}

// H13: the devices that every container may use work under a list that denies everything.
func TestDefaultRules(t *testing.T) {
	b := newBundle(t, withShell(`
		head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; head -c 4 /dev/random | wc -c
		echo x >/dev/null && (echo x >/dev/full) 2>&1
		(: </dev/ptmx) && echo ptmx
	`))
	out := b.try("run").stdout
	if !strings.HasPrefix(out, "4\n4\n4\n") || !strings.Contains(out, "No space left on device") || !strings.HasSuffix(out, "ptmx\n") {
		t.Errorf("output %q", out)
	}
}

// H13: a node that the program makes by itself does not get around the filter.
func TestFilterIsByNumber(t *testing.T) {
	b := newBundle(t, withShell("mknod /tmp/kmsg c 1 11; (: </tmp/kmsg) 2>&1"))
	mknod := []string{"CAP_MKNOD", "CAP_SYSLOG", "CAP_SYS_ADMIN"}
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: mknod, Permitted: mknod, Effective: mknod}
	if r := b.try("run"); !strings.Contains(r.stdout, "Operation not permitted") {
		t.Errorf("%v", r)
	}
}

// H20: the filter is loaded whatever memory the caller may lock, which the kernel does not count for programs since Linux 5.11;
// and the caller's limit is the container's.
func TestFilterWithoutLockedMemory(t *testing.T) {
	var before unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before))
	must(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: 0, Max: before.Max}))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_MEMLOCK, &before)) }()
	b := newBundle(t, withArgs("grep", "Max locked memory", "/proc/self/limits"), withResources(func(r *specs.LinuxResources) {
		r.Devices = []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}, {Allow: true, Type: "c", Major: new(int64(1)), Minor: new(int64(77)), Access: "r"}}
	}))
	if limit := strings.Fields(b.output()); len(limit) < 5 || limit[3] != "0" {
		t.Errorf("limit in the container: %q", limit)
	}
}
