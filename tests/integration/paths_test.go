package integration

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// I1 I2 I3: a masked file is /dev/null, a masked directory is empty and read-only, and what is missing is passed over.
func TestMaskedPaths(t *testing.T) {
	b := newBundle(t, withLinux(func(l *specs.Linux) {
		l.MaskedPaths = []string{"/secret/file", "/secret/dir", "/proc/version", "/nonexistent/x", "/secret/dir/inner", "/proc/fs"}
	}))
	b.file("secret/file", "secret\n")
	b.file("secret/dir/inner", "secret\n")
	withArgs("sh", "-c", `
		stat -c '%F %t:%T' /secret/file /proc/version
		cat /secret/file /proc/version
		ls -A /secret/dir /proc/fs
		touch /secret/dir/new 2>&1
	`)(b.spec)
	null := "character special file 1:3\n"
	wants(t, "output", b.try("run").stdout, null+null+"/proc/fs:\n\n/secret/dir:\ntouch: /secret/dir/new: Read-only file system\n")
	wants(t, "file of the image", read(t, b.path("secret/file")), "secret\n")
	if exists(b.path("nonexistent")) {
		t.Error("a missing path was made")
	}
}

// I4: a masked path is never followed out of the root.
func TestMaskedSymlink(t *testing.T) {
	b := newBundle(t, withLinux(func(l *specs.Linux) { l.MaskedPaths = []string{"/link", "/away"} }))
	victim := b.directory("victim")
	must(t, os.WriteFile(victim+"/file", []byte("content"), 0o644))
	b.link("/etc/passwd", "link")
	b.link("../../victim/file", "away")
	withArgs("sh", "-c", "wc -c </etc/passwd")(b.spec)
	if r := b.try("run"); r.status == 0 {
		wants(t, "size of the masked target", r.stdout, "0\n")
	}
	wants(t, "file outside", read(t, victim+"/file"), "content")
	b.mountsUnchanged()
}

// I5: a read-only path cannot be written, keeps its other flags, covers what is mounted below, and may be missing.
func TestReadonlyPaths(t *testing.T) {
	b := newBundle(t,
		withMount(specs.Mount{Destination: "/data", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec"}}),
		withMount(specs.Mount{Destination: "/data/below", Type: "tmpfs", Source: "tmpfs"}),
		withLinux(func(l *specs.Linux) { l.ReadonlyPaths = []string{"/data", "/etc/passwd", "/nonexistent", "/proc/sys"} }),
		withShell("touch /data/x /data/below/x 2>&1; (echo x >>/etc/passwd) 2>&1; (echo 1 >/proc/sys/kernel/msgmax) 2>&1; touch /etc/other && echo other"))
	out := b.try("run").stdout
	if n := strings.Count(out, "Read-only file system"); n != 4 || !strings.HasSuffix(out, "\nother\n") {
		t.Errorf("output %q", out)
	}
	withArgs("sh", "-c", "cat /proc/self/mountinfo")(b.spec)
	table := b.output()
	parseMountInfo(table, "/data").has(t, "ro", "nosuid", "nodev", "noexec")
	parseMountInfo(table, "/data/below").has(t, "ro")
	parseMountInfo(table, "/proc/sys").has(t, "ro")
	parseMountInfo(table, "/etc/passwd").has(t, "ro")
}

// I7: the propagation of the root, which is set last; the host is not affected by any of them.
func TestRootfsPropagation(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "private": "", "rprivate": "", "slave": "", "shared": "shared", "rshared": "shared", "unbindable": "unbindable",
	} {
		t.Run(value, func(t *testing.T) {
			b := newBundle(t, withLinux(func(l *specs.Linux) { l.RootfsPropagation = value }))
			got := strings.Join(b.mounted("/").optional, " ")
			if want == "" && strings.Contains(got, "shared") || !strings.Contains(got, want) {
				t.Errorf("propagation %q, want %q", got, want)
			}
		})
	}
}

// I7 F4: with rslave a mount made on the host later appears in the container, and never the other way; without, none does.
func TestHostMountsPropagate(t *testing.T) {
	for _, test := range []struct {
		propagation string
		seen        bool
	}{{"rslave", true}, {"rprivate", false}} {
		t.Run(test.propagation, func(t *testing.T) {
			b := newBundle(t, withLinux(func(l *specs.Linux) { l.RootfsPropagation = test.propagation }))
			outside := b.directory("outside")
			withMount(specs.Mount{Destination: "/mnt", Type: "bind", Source: outside, Options: []string{"rbind", test.propagation}})(b.spec)
			must(t, unix.Mount("tmpfs", outside, "tmpfs", 0, ""))
			t.Cleanup(func() { must(t, unix.Unmount(outside, unix.MNT_DETACH)) })
			b.create()
			later := b.directory("outside/later")
			must(t, unix.Mount("tmpfs", later, "tmpfs", 0, ""))
			t.Cleanup(func() { must(t, unix.Unmount(later, unix.MNT_DETACH)) })
			table := read(t, "/proc/"+itoa(b.pid)+"/mountinfo")
			if m := parseMountInfo(table, "/mnt/later"); m.found != test.seen {
				t.Errorf("the container sees the mount: %v", m.found)
			}
		})
	}
}

// I4 F4: what a container with a shared root mounts stays inside.
func TestSharedRootDoesNotLeak(t *testing.T) {
	b := newBundle(t, withLinux(func(l *specs.Linux) { l.RootfsPropagation = "rshared" }), withShell("mount -t tmpfs tmpfs /mnt && grep -c ' /mnt ' /proc/self/mountinfo"))
	must(t, os.Mkdir(b.path("mnt"), 0o755))
	admin := []string{"CAP_SYS_ADMIN"}
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: admin, Permitted: admin, Effective: admin}
	b.create().start()
	wants(t, "mounts", b.printed(), "1")
	b.mountsUnchanged()
}

// F4: nor does what is mounted on a volume of the host's below the root.
func TestMountsOnVolumesStayInside(t *testing.T) {
	b := newBundle(t)
	volume := b.path("volume")
	must(t, os.Mkdir(volume, 0o755))
	must(t, unix.Mount("tmpfs", volume, "tmpfs", 0, "")) // shared, as all mounts here
	t.Cleanup(func() { must(t, unix.Unmount(volume, 0)) })
	b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: "/volume/inner", Type: "tmpfs", Source: "tmpfs"})
	b.create()
	table, err := mountTable()
	must(t, err)
	for _, line := range table {
		if strings.Contains(line, volume+"/inner") {
			t.Errorf("the container's mount is on the host: %s", line)
		}
	}
	b.try("delete", "--force").succeeds()
}
