package integration

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Each of these has been an escape from some runtime; they stand here for ever, because half of such flaws have come back.

// canary is a directory outside of the root that must not change.
type canary struct {
	t    *testing.T
	path string
}

func newCanary(b *bundle) canary {
	b.t.Helper()
	c := canary{b.t, b.directory("canary")}
	for _, name := range []string{"ptmx", "null", "file"} {
		must(b.t, os.WriteFile(filepath.Join(c.path, name), []byte(name), 0o644))
	}
	return c
}

func (c canary) unchanged() {
	c.t.Helper()
	wants(c.t, "canary", strings.Join(names(c.t, c.path), " "), "file null ptmx")
	for _, name := range names(c.t, c.path) {
		wants(c.t, "canary", read(c.t, filepath.Join(c.path, name)), name)
	}
}

// CVE-2019-5736: whoever sees the runtime's process must not be able to write the file that it executes; and that file is
// not the binary on the host.
func TestCVE_2019_5736(t *testing.T) {
	before := sha256.Sum256([]byte(read(t, tare)))
	b := newBundle(t).create()
	exe := "/proc/" + itoa(b.pid) + "/exe"
	fd, err := unix.Open(exe, unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
		t.Error("the executable of the waiting init can be opened for writing")
	} else if !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.ETXTBSY) && !errors.Is(err, unix.EPERM) {
		t.Errorf("open for writing: %v", err)
	}
	var running, host unix.Stat_t
	must(t, unix.Stat(exe, &running))
	must(t, unix.Stat(tare, &host))
	if running.Dev == host.Dev && running.Ino == host.Ino {
		t.Error("init executes the binary of the host")
	}
	if sha256.Sum256([]byte(read(t, tare))) != before {
		t.Fatal("the binary of the host has changed")
	}
}

// CVE-2019-5736, first form: a program that is the runtime's own executable again.
func TestCVE_2019_5736_program(t *testing.T) {
	before := sha256.Sum256([]byte(read(t, tare)))
	b := newBundle(t, withArgs("/script"))
	b.file("script", "#!/proc/self/exe\n")
	if r := b.try("run"); r.status == 0 {
		t.Errorf("%v", r)
	}
	link := newBundle(t, withArgs("/proc/self/exe"))
	if r := link.try("run"); r.status == 0 {
		t.Errorf("%v", r)
	}
	if sha256.Sum256([]byte(read(t, tare))) != before {
		t.Fatal("the binary of the host has changed")
	}
}

// CVE-2024-21626: a working directory through a descriptor that the runtime has open.
func TestCVE_2024_21626(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "pwd -P; ls /proc/self/cwd/etc/debian_version"))
	for _, prefix := range []string{"/proc/self/fd/", "/proc/1/fd/", "/proc/thread-self/fd/"} {
		for fd := 3; fd <= 64; fd++ {
			if prefix != "/proc/self/fd/" && fd > 12 {
				break
			}
			b.spec.Process.Cwd = prefix + itoa(fd)
			if r := b.try("create"); r.status != 1 || !strings.Contains(r.stderr, "/process/cwd") {
				t.Fatalf("%v", r)
			}
		}
	}
	b.nothingLeft()
	// By a link of the image, and by the root of the first process.
	b.link("/proc/self/fd/7", "link")
	for _, cwd := range []string{"/link", "/link/../..", "/proc/1/cwd", "/proc/self/root/.."} {
		b.spec.Process.Cwd = cwd
		if r := b.try("create"); r.status == 0 {
			t.Errorf("%s: %v", cwd, r)
			b.try("delete", "--force")
		}
	}
}

// CVE-2019-18837: a mount destination with a link that leads out of the root, absolute, relative, and through a magic link.
func TestCVE_2019_18837(t *testing.T) {
	for _, target := range []string{"CANARY", "../../canary", "../../../../../../../../../../../../CANARY", "/proc/self/cwd/canary", "/proc/1/root/CANARY"} {
		b := newBundle(t, withArgs("true"))
		c := newCanary(b)
		must(t, os.WriteFile(filepath.Join(b.directory("source"), "file"), []byte("changed"), 0o644))
		b.link(strings.ReplaceAll(target, "CANARY", c.path), "link")
		withBind("source", "/link")(b.spec)
		withMount(specs.Mount{Destination: "/link/sub", Type: "tmpfs", Source: "tmpfs"})(b.spec)
		withBind("source/file", "/link/../new")(b.spec)
		b.try("run") // may succeed, inside the root, or fail
		c.unchanged()
		b.mountsUnchanged()
	}
}

// CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: proc and sysfs are mounted on real directories.
func TestCVE_2019_19921(t *testing.T) {
	for _, path := range []string{"proc", "sys"} {
		for _, target := range []string{"/elsewhere", "elsewhere", "../../canary"} {
			b := newBundle(t, withArgs("true"))
			c := newCanary(b)
			must(t, os.MkdirAll(b.path("elsewhere"), 0o755))
			b.link(target, path)
			b.try("create").fails("/mounts/", "/"+path)
			b.nothingLeft()
			c.unchanged()
		}
	}
}

// CVE-2019-16884, CVE-2025-52881: an image or a volume cannot put something of its own in the place of /proc.
func TestCVE_2019_16884(t *testing.T) {
	for _, m := range []specs.Mount{
		{Destination: "/proc/self", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/proc/sys/kernel", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/link/self/attr", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/link/sys", Type: "bind", Source: "/tmp", Options: []string{"bind"}},
	} {
		b := newBundle(t, withMount(m))
		b.link("/proc", "link")
		b.try("create").fails("/mounts/")
		b.nothingLeft()
	}
	// lxcfs and its kind may replace files that carry no authority (F13).
	b := newBundle(t, withArgs("cat", "/proc/uptime"))
	must(t, os.WriteFile(filepath.Join(b.directory("source"), "uptime"), []byte("fake\n"), 0o644))
	withBind("source/uptime", "/proc/uptime")(b.spec)
	wants(t, "uptime", b.output(), "fake")
}

// CVE-2025-31133, CVE-2025-62161: what the image has at /dev/null is not what masks a file.
func TestCVE_2025_31133(t *testing.T) {
	b := newBundle(t, withoutMount("/dev"), withoutMount("/dev/pts"), withoutMount("/dev/shm"), withoutMount("/dev/mqueue"),
		withLinux(func(l *specs.Linux) { l.MaskedPaths = []string{"/proc/version"} }),
		withArgs("sh", "-c", "stat -c %t:%T /proc/version; cat /proc/version"))
	b.file("victim", "secret\n")
	b.link("/victim", "dev/null")
	r := b.try("run")
	if r.status == 0 {
		wants(t, "mask", r.stdout, "1:3\n")
	} else {
		r.fails("/dev/null")
	}
	wants(t, "file of the image", read(t, b.path("victim")), "secret\n")
}

// CVE-2026-41579, CVE-2026-47766: an image whose /dev is a link does not have devices and links made, or ptmx removed,
// where that leads on the host.
func TestCVE_2026_41579(t *testing.T) {
	for _, target := range []string{"CANARY", "../../canary", "../canary", "/elsewhere"} {
		for _, withMounts := range []bool{true, false} {
			b := newBundle(t, withArgs("true"))
			if !withMounts {
				for _, destination := range []string{"/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"} {
					withoutMount(destination)(b.spec)
				}
			}
			c := newCanary(b)
			b.link(strings.ReplaceAll(target, "CANARY", c.path), "dev")
			b.try("run") // may succeed, inside the root, or fail
			c.unchanged()
			b.mountsUnchanged()
		}
	}
}

// CVE-2025-24965 and the class behind it: no file that create makes in the root goes through a link of the image.
func TestCVE_2025_24965(t *testing.T) {
	b := newBundle(t, withArgs("true"), withLinux(func(l *specs.Linux) {
		l.Devices = []specs.LinuxDevice{{Path: "/away/made", Type: "c", Major: 1, Minor: 3}, {Path: "/away/file", Type: "c", Major: 1, Minor: 3}}
	}))
	c := newCanary(b)
	b.link("../../canary", "away")
	b.spec.Process.Cwd = "/away/cwd"
	withBind("canary/file", "/away/mounted")(b.spec)
	b.try("run")
	c.unchanged()
	b.nothingLeft()
}

// CVE-2024-21626, third form: a program given through a descriptor of the runtime.
func TestCVE_2024_21626_program(t *testing.T) {
	b := newBundle(t)
	for fd := 3; fd < 16; fd++ {
		b.spec.Process.Args = []string{"/proc/self/fd/" + itoa(fd) + "/bin/true"}
		if r := b.try("run"); r.status == 0 {
			t.Errorf("descriptor %d leads to a file system: %v", fd, r)
		}
	}
}
