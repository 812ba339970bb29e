package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mountInfo is what the container sees of the mount on a path: filesystem type, mount options, propagation and superblock
// options; the last one counts where several lie on each other.
type mountInfo struct {
	found                    bool
	kind                     string
	options, optional, super []string
}

func parseMountInfo(table, path string) (m mountInfo) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash > 0 && fields[4] == path {
			m = mountInfo{true, fields[dash+1], strings.Split(fields[5], ","), fields[6:dash], strings.Split(fields[dash+3], ",")}
		}
	}
	return m
}

// mounted runs the container and returns one of its mounts.
func (b *bundle) mounted(path string) mountInfo {
	b.t.Helper()
	withArgs("cat", "/proc/self/mountinfo")(b.spec)
	return parseMountInfo(b.output(), path)
}

func (m mountInfo) has(t *testing.T, options ...string) {
	t.Helper()
	for _, o := range options {
		if without, negated := strings.CutPrefix(o, "!"); negated {
			if slices.Contains(m.options, without) || slices.Contains(m.super, without) {
				t.Errorf("options %q %q have %s", m.options, m.super, without)
			}
		} else if !slices.Contains(m.options, o) && !slices.Contains(m.super, o) {
			t.Errorf("options %q %q lack %s", m.options, m.super, o)
		}
	}
}

// F13 F14 F15 F16 F17 F39: the mounts of the template, with their options.
func TestTemplateMounts(t *testing.T) {
	table := newBundle(t, withArgs("cat", "/proc/self/mountinfo")).output()
	for _, test := range []struct {
		path, kind string
		options    []string
	}{
		{"/proc", "proc", []string{"rw"}},
		{"/dev", "tmpfs", []string{"nosuid", "mode=755", "size=65536k", "!nodev"}},
		{"/dev/pts", "devpts", []string{"nosuid", "noexec", "gid=5", "mode=620", "ptmxmode=666"}},
		{"/dev/shm", "tmpfs", []string{"nosuid", "nodev", "noexec", "size=65536k"}},
		{"/dev/mqueue", "mqueue", []string{"nosuid", "nodev", "noexec"}},
		{"/sys", "sysfs", []string{"ro", "nosuid", "nodev", "noexec"}},
	} {
		m := parseMountInfo(table, test.path)
		wants(t, test.path, m.kind, test.kind)
		m.has(t, test.options...)
	}
	for line := range strings.Lines(table) {
		if strings.Contains(line, workspace) && strings.Fields(line)[4] != "/" {
			t.Errorf("the container sees a mount of the host: %s", line)
		}
	}
}

// F18 F19, CVE-2023-25809: the cgroup mount shows the container's own cgroup, read-only everywhere, with and without a
// cgroup namespace.
func TestCgroupMount(t *testing.T) {
	for _, own := range []bool{true, false} {
		b := newBundle(t, withShell(`
			cat /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs 2>/dev/null | sort -nu | head -n 1
			for dir in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $dir/x 2>/dev/null && echo "made $dir/x"; done
		`))
		if !own {
			withoutNamespace(specs.CgroupNamespace)(b.spec)
		}
		wants(t, "first process, and cgroups made", strings.TrimSpace(b.try("run").stdout), "1")
	}
}

// F23 F27: the options of a bind mount, each by what the kernel says of it.
func TestBindOptions(t *testing.T) {
	for _, test := range []struct {
		options []string
		want    []string
	}{
		{nil, []string{"rw", "!nosuid", "!nodev", "!noexec"}},
		{[]string{"ro"}, []string{"ro"}},
		{[]string{"ro", "rw"}, []string{"rw"}},
		{[]string{"nosuid", "nodev", "noexec"}, []string{"nosuid", "nodev", "noexec"}},
		{[]string{"noatime"}, []string{"noatime"}},
		{[]string{"nodiratime"}, []string{"nodiratime"}},
		{[]string{"nosymfollow"}, []string{"nosymfollow"}},
		{[]string{"mode=755", "ro"}, []string{"ro"}}, // data of a file system means nothing here, and is common
	} {
		t.Run(strings.Join(test.options, ","), func(t *testing.T) {
			b := newBundle(t)
			withBind(b.directory("source"), "/mnt", test.options...)(b.spec)
			b.mounted("/mnt").has(t, test.want...)
		})
	}
}

// F30: propagation of a mount, from the listed options.
func TestMountPropagation(t *testing.T) {
	for option, want := range map[string]string{"private": "", "rprivate": "", "slave": "master", "rslave": "master", "shared": "shared", "unbindable": "unbindable"} {
		t.Run(option, func(t *testing.T) {
			b := newBundle(t)
			source := b.directory("source")
			if want == "master" { // there must be something to be a slave of
				must(t, unix.Mount("tmpfs", source, "tmpfs", 0, ""))
				t.Cleanup(func() { must(t, unix.Unmount(source, unix.MNT_DETACH)) })
			}
			withBind(source, "/mnt", option)(b.spec)
			got := strings.Join(b.mounted("/mnt").optional, " ")
			if want == "" && got != "" || !strings.Contains(got, want) {
				t.Errorf("propagation %q, want %q", got, want)
			}
		})
	}
}

// F23 F31: rbind shows the mounts below the source, bind does not; rro makes all of them read-only, ro the first alone.
func TestRecursiveBind(t *testing.T) {
	for _, test := range []struct {
		options []string
		sub     bool
		want    string
	}{
		{[]string{"bind", "ro"}, false, ""},
		{[]string{"rbind", "ro"}, true, "rw"},
		{[]string{"rbind", "rro"}, true, "ro"},
		{[]string{"rbind", "ro", "rnoexec"}, true, "noexec"},
	} {
		t.Run(strings.Join(test.options, ","), func(t *testing.T) {
			b := newBundle(t)
			source := b.directory("source")
			sub := b.directory("source/sub")
			must(t, unix.Mount("tmpfs", sub, "tmpfs", 0, ""))
			t.Cleanup(func() { must(t, unix.Unmount(sub, unix.MNT_DETACH)) })
			withMount(specs.Mount{Destination: "/mnt", Source: source, Options: test.options})(b.spec)
			b.mounted("/mnt").has(t, "ro")
			below := b.mounted("/mnt/sub")
			if below.found != test.sub {
				t.Fatalf("the mount below the source is %v", below)
			}
			if test.sub {
				below.has(t, test.want)
			}
		})
	}
}

// F10 F11 F7: sources and destinations of every kind.
func TestMountPlaces(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "cat /new/file /a/b/dir/file /relative/file /through/file; stat -c %F:%a /new/file"))
	source := b.directory("source")
	must(t, os.WriteFile(filepath.Join(source, "file"), []byte("content\n"), 0o644))
	must(t, os.Symlink("source", filepath.Join(b.dir, "link")))
	b.link("/real", "through")
	must(t, os.Mkdir(b.path("real"), 0o755))
	withBind(filepath.Join(source, "file"), "/new/file")(b.spec) // a file on a missing file, in a missing directory
	withBind(source, "/a/b/dir")(b.spec)
	withBind("source", "relative")(b.spec)                     // relative to the bundle; relative to "/"
	withBind(filepath.Join(b.dir, "link"), "/through")(b.spec) // a link on the host; a link in the root
	wants(t, "output", b.output(), strings.Repeat("content\n", 4)+"regular file:644")
	if m := parseMountInfo(read(t, "/proc/self/mountinfo"), b.path("real")); m.found {
		t.Error("a mount of the container is visible outside")
	}
}

// F12: a source that is missing, with its name.
func TestMountSourceMissing(t *testing.T) {
	b := newBundle(t, withBind("/nonexistent/source", "/mnt"))
	b.try("create").fails("/mounts/", "/nonexistent/source", "no such file or directory")
	b.nothingLeft()
}

// F9: a dangling link as destination is completed inside the root.
func TestMountOnDanglingLink(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "cat /target/file; ls -d /target"))
	must(t, os.WriteFile(filepath.Join(b.directory("source"), "file"), []byte("content\n"), 0o644))
	b.link("/target", "dangling")
	withBind("source", "/dangling")(b.spec)
	wants(t, "output", b.output(), "content\n/target")
	if exists("/target") {
		t.Error("the target was made on the host")
	}
}

// F17: a tmpfs has the mode of the directory it covers, unless one is given. F21: what tare does not know goes to the kernel.
func TestTmpfs(t *testing.T) {
	tmpfs := func(options ...string) option {
		return withMount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: options})
	}
	for _, test := range []struct {
		options []string
		want    string
	}{
		{nil, "701"}, {[]string{"mode=1700"}, "1700"}, {[]string{"nr_inodes=1k", "size=64k"}, "701"},
	} {
		b := newBundle(t, tmpfs(test.options...), withArgs("stat", "-c", "%a", "/mnt"))
		must(t, os.Symlink("busybox", b.path("bin/stat")))
		must(t, os.Mkdir(b.path("mnt"), 0o755))
		must(t, os.Chmod(b.path("mnt"), 0o701))
		wants(t, "mode", b.output(), test.want)
	}
	b := newBundle(t, tmpfs("nosuch=1"))
	b.try("create").fails("/mounts/", "nosuch")
	b.nothingLeft()
}

// F36: tmpcopyup copies what the image has there, links as links.
func TestTmpcopyup(t *testing.T) {
	b := newBundle(t, withMount(specs.Mount{Destination: "/data", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup"}}))
	b.file("data/sub/file", "content")
	b.link("/etc/passwd", "data/link")
	withArgs("sh", "-c", "cat /data/sub/file; readlink /data/link; echo more >/data/sub/file")(b.spec)
	wants(t, "output", b.output(), "content/etc/passwd")
	wants(t, "file of the image", read(t, b.path("data/sub/file")), "content")
}

// F6: mounts are made in the listed order: the second one covers the first.
func TestMountOrder(t *testing.T) {
	b := newBundle(t, withArgs("cat", "/mnt/file"))
	for _, name := range []string{"first", "second"} {
		must(t, os.WriteFile(filepath.Join(b.directory(name), "file"), []byte(name), 0o644))
		withBind(name, "/mnt")(b.spec)
	}
	wants(t, "output", b.output(), "second")
}

// F25: remount changes the mount that is there.
func TestRemount(t *testing.T) {
	b := newBundle(t, withMount(specs.Mount{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"remount", "ro"}}))
	b.mounted("/dev/shm").has(t, "ro")
}

// F2: a read-only root, after everything has been made in it.
func TestReadonlyRoot(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "touch /file 2>&1; touch /dev/shm/file && echo shm"))
	b.spec.Root.Readonly = true
	withBind(b.directory("source"), "/made/for/the/mount")(b.spec)
	wants(t, "output", b.output(), "touch: /file: Read-only file system\nshm")
}

// F5 C7: nothing of the old root can be seen, neither after pivot_root(2) nor with --no-pivot.
func TestRootIsEntered(t *testing.T) {
	for _, flags := range [][]string{nil, {"--no-pivot"}} {
		b := newBundle(t, withArgs("cat", "/proc/self/mountinfo"))
		roots := 0
		for line := range strings.Lines(b.output(flags...)) {
			switch point := strings.Fields(line)[4]; {
			case point == "/":
				roots++
			case !strings.HasPrefix(point, "/proc") && !strings.HasPrefix(point, "/dev") && !strings.HasPrefix(point, "/sys"):
				t.Errorf("%q: a mount that nobody asked for: %s", flags, line)
			}
		}
		if roots != 1 {
			t.Errorf("%q: %d mounts on the root", flags, roots)
		}
	}
}

// F5 C7: the root of the mount namespace is the container's too. With a chroot(2) alone it would be the host's, which a program
// with CAP_SYS_CHROOT can get back to.
func TestNamespaceHasNoOtherRoot(t *testing.T) {
	skipUnless(t, commandExists("nsenter"), "nsenter is missing (util-linux)")
	for _, flags := range [][]string{nil, {"--no-pivot"}} {
		b := newBundle(t).create(flags...)
		var st unix.Stat_t
		must(t, unix.Stat(b.path(), &st))
		out, err := exec.Command("nsenter", "--mount=/proc/"+itoa(b.pid)+"/ns/mnt", "/bin/busybox", "stat", "-c", "%i", "/").CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != strconv.FormatUint(st.Ino, 10) {
			t.Errorf("%q: the namespace has the root %s, %v; want %d", flags, got, err, st.Ino)
		}
	}
}

// F5: ".." leads nowhere from the root of the container.
func TestRootHasNoParent(t *testing.T) {
	for _, flags := range [][]string{nil, {"--no-pivot"}} {
		b := newBundle(t, withArgs("sh", "-c", "stat -c %i / /.. /../../.. | sort -u | wc -l"))
		wants(t, "inodes", b.output(flags...), "1")
	}
}
