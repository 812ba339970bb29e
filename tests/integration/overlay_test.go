package integration

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var overlayCount = flag.Int("overlays", 30, "containers of TestOverlayLeavesTheImageAlone")

// withWritableRoot lets the program write to its root, and asks for mount points that the image does not have.
func withWritableRoot(s *specs.Spec) {
	s.Root.Readonly = false
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/not/in/the/image", Type: "tmpfs", Source: "tmpfs"})
}

// fingerprint is everything about a tree that a container could have changed.
func fingerprint(t *testing.T, root string) string {
	t.Helper()
	h := sha256.New()
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		fmt.Fprintln(h, path, st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink, st.Size, st.Mtim, st.Ctim)
		attrs := make([]byte, 4096)
		n, _ := unix.Llistxattr(path, attrs)
		h.Write(attrs[:max(n, 0)])
		if d.Type().IsRegular() && !strings.HasSuffix(path, "/busybox") {
			fmt.Fprintln(h, read(t, path))
		}
		return nil
	}))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// S1 S9: what the container writes goes to a tmpfs or a directory, mount points included, and the image stays as it is, also
// when it is read-only by itself.
func TestOverlay(t *testing.T) {
	for _, place := range []string{"tmpfs", "tmpfs:size=8m", "directory", "annotation"} {
		t.Run(place, func(t *testing.T) {
			b := newBundle(t, withWritableRoot, withShell("echo new >/file; rm /etc/group; echo more >>/etc/passwd; cat /file; ls /not/in/the; sleep 600"))
			dir := b.directory("writes")
			flags := []string{"--overlay", place}
			switch place {
			case "directory":
				flags[1] = dir
			case "annotation":
				flags = nil
				withAnnotation("run.tare.overlay", dir)(b.spec)
			}
			before := fingerprint(t, b.path())
			b.create(flags...).start()
			eventually(t, "the program has written", func() bool { return read(t, b.stdout) == "new\nimage\n" })
			want := dir
			if strings.HasPrefix(place, "tmpfs") {
				want = "tmpfs"
			}
			wants(t, "state", b.state().Overlay, want)
			wants(t, "exec", b.execs("cat /file; [ -e /etc/group ] || echo gone"), "new\ngone")
			if fingerprint(t, b.path()) != before {
				t.Error("the image has changed")
			}
			b.stop()
			b.try("delete").succeeds()
			b.nothingLeft()
			if fingerprint(t, b.path()) != before {
				t.Error("the image has changed in the end")
			}
			if want == dir { // S7: the writes stay, and nothing else
				wants(t, "left in the directory", strings.Join(names(t, dir), " "), "upper")
				wants(t, "written", read(t, filepath.Join(dir, "upper/file")), "new\n")
			}
		})
	}
}

// S1: a container that is made again over the same directory finds what it wrote.
func TestOverlayAgain(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("cat /file 2>&1; echo before >/file"))
	dir := b.directory("writes")
	first := b.output("--overlay", dir)
	if !strings.Contains(first, "No such file") {
		t.Errorf("output %q", first)
	}
	wants(t, "second time", b.output("--overlay", dir), "before")
}

// S1 F2: a read-only root over an overlay is read-only, and its mount points are there.
func TestOverlayReadonly(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("echo x >/file || echo refused; ls -d /not/in/the/image"), func(s *specs.Spec) { s.Root.Readonly = true })
	before := fingerprint(t, b.path())
	wants(t, "output", b.output("--overlay", "tmpfs"), "refused\n/not/in/the/image")
	if fingerprint(t, b.path()) != before {
		t.Error("the image has changed")
	}
}

// S1: the size of the tmpfs is a quota.
func TestOverlayQuota(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("busybox dd if=/dev/zero of=/big bs=1k count=4096 2>&1; busybox stat -c '%s bytes' /big"))
	out := b.output("--overlay", "tmpfs:size=1m")
	if !strings.Contains(out, "No space left on device") || strings.Contains(out, "4194304 bytes") || !strings.HasSuffix(out, " bytes") {
		t.Errorf("four megabytes into one: %q", out)
	}
}

// S1 S3: layers in their order, the rootfs lowest; on Linux 6.7 and later more of them than a page or a value can name.
func TestOverlayLayers(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("cat /layer; cat /first /last; ls /etc/passwd"))
	var layers []string
	count := 12
	if kernelRelease(t, 6, 7) {
		count = 200
	}
	for i := range count {
		layer := b.directory("layer" + itoa(i))
		must(t, os.WriteFile(filepath.Join(layer, "layer"), []byte(itoa(i)+"\n"), 0o644))
		layers = append(layers, layer)
	}
	must(t, os.WriteFile(filepath.Join(layers[0], "first"), []byte("first\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(layers[count-1], "last"), []byte("last\n"), 0o644))
	withAnnotation("run.tare.overlay.lower", strings.Join(layers, ":"))(b.spec)
	wants(t, "output", b.output("--overlay", "tmpfs"), "0\nfirst\nlast\n/etc/passwd")
	missing := newBundle(t, withAnnotation("run.tare.overlay.lower", "/no/such/layer"))
	missing.try("create", "--overlay", "tmpfs").fails("/annotations/run.tare.overlay.lower", "/no/such/layer", "no such file or directory")
	missing.nothingLeft()
}

func kernelRelease(t *testing.T, major, minor int) bool {
	t.Helper()
	var a, b int
	_, err := fmt.Sscanf(read(t, "/proc/sys/kernel/osrelease"), "%d.%d", &a, &b)
	must(t, err)
	return a > major || a == major && b >= minor
}

// S4: options of the file system, and what the kernel says of wrong ones.
func TestOverlayOptions(t *testing.T) {
	for options, shown := range map[string]string{
		"volatile,redirect_dir=on": "redirect_dir=on", "volatile": "volatile", "metacopy=on": "metacopy=on", "userxattr": "userxattr",
		"index=on": "index=on", "index=on,nfs_export=on": "nfs_export=on", "xino=on": "xino=on", "uuid=null": "uuid=null",
	} {
		b := newBundle(t, withWritableRoot, withAnnotation("run.tare.overlay.options", options), withShell("grep ' / / ' /proc/self/mountinfo"))
		if out := b.output("--overlay", "tmpfs"); !strings.Contains(out, shown) {
			t.Errorf("%s: mount %q", options, out)
		}
	}
	wrong := newBundle(t, withWritableRoot, withAnnotation("run.tare.overlay.options", "index=maybe"))
	r := wrong.try("create", "--overlay", "tmpfs").fails("/root/path", "overlay", "invalid argument")
	if kernelRelease(t, 6, 5) && !strings.Contains(r.message(), "index=maybe") { // since when overlay says what it objects to
		t.Errorf("message %q", r.message())
	}
	wrong.nothingLeft()
}

// S6: two containers do not write to one directory. The error names the other, and a leftover of one that is gone is none.
func TestOverlayInUse(t *testing.T) {
	first := newBundle(t, withWritableRoot)
	dir := first.directory("writes")
	first.create("--overlay", dir)
	second := newBundle(t, withWritableRoot)
	second.try("create", "--overlay", dir).fails("overlay", dir, "device or resource busy", first.id)
	second.nothingLeft()
	other := invocation{args: []string{"--root", t.TempDir()}} // where the same id is another container
	first.tryWith(other, "create", "--overlay", dir).fails("overlay", dir, "device or resource busy", first.id, stateRoot())
	wants(t, "the directory", strings.Join(names(t, dir), " "), "owner upper work")
	wants(t, "status of the first", first.state().Status, "created")
	first.stop()
	first.try("delete").succeeds()
	must(t, os.WriteFile(filepath.Join(dir, "owner"), []byte(stateRoot()+"\n"+first.id+"\n"), 0o600))
	second.try("create", "--overlay", dir).succeeds()
}

// S7: a create that fails, or is killed, leaves the directory as it was.
func TestOverlayUndone(t *testing.T) {
	b := newBundle(t, withWritableRoot, withArgs("nosuch"))
	dir := b.directory("writes")
	b.try("create", "--overlay", dir).fails("executable file not found")
	b.nothingLeft()
	wants(t, "the directory", strings.Join(names(t, dir), " "), "")

	killed := newBundle(t, withWritableRoot, withAnnotation("run.tare.overlay", dir))
	create, release := createWithSlowHook(killed, "createContainer")
	defer delete(inits, create.Process.Pid)
	must(t, create.Process.Signal(syscall.SIGKILL))
	create.Wait()
	release()
	killed.try("delete", "--force").succeeds()
	killed.nothingLeft()
	wants(t, "the directory after a kill", strings.Join(names(t, dir), " "), "")
}

// S1: what makes no sense is refused before anything is made.
func TestOverlayRefused(t *testing.T) {
	for flag, want := range map[string]string{
		"relative": "is neither tmpfs nor an absolute path", "/no/such/directory": "no such file or directory", "/": "is the root of the host", "tmpfs:mode=1": "is no option",
	} {
		b := newBundle(t)
		b.try("create", "--overlay", flag).fails(want)
		b.nothingLeft()
	}
	b := newBundle(t, func(s *specs.Spec) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Mounts, s.Hostname, s.Root.Readonly = nil, nil, nil, "", false
	})
	b.try("create", "--overlay", "tmpfs").fails("an overlay needs a mount namespace")
	b.nothingLeft()
	for _, dir := range []string{"/", "/tmp"} { // the image would be written to
		b = newBundle(t)
		before := names(t, b.path(dir))
		b.try("create", "--overlay", b.path(dir)).fails("lies in the root filesystem")
		b.nothingLeft()
		wants(t, "the image", strings.Join(names(t, b.path(dir)), " "), strings.Join(before, " "))
	}
	must(t, os.Symlink(b.path(), b.dir+"/link"))
	b.try("create", "--overlay", b.dir+"/link/tmp").fails("lies in the root filesystem")
}

// A hostile image: links out of the root, whiteouts and attributes of overlay in the image mean nothing outside.
func TestOverlayHostileImage(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("echo x >/link/new; echo done"))
	canary := newCanary(b)
	b.link(canary.path, "link")
	b.link(canary.path, "not")
	b.file("opaque/file", "seen\n")
	must(t, unix.Mknod(b.path("whiteout"), unix.S_IFCHR, 0))
	b.file("redirected", "own\n")
	for path, attrs := range map[string][]string{
		"opaque":     {"trusted.overlay.opaque", "y"},
		"redirected": {"trusted.overlay.metacopy", "", "trusted.overlay.redirect", canary.path + "/file"},
	} {
		for i := 0; i < len(attrs); i += 2 {
			must(t, unix.Lsetxattr(b.path(path), attrs[i], []byte(attrs[i+1]), 0))
		}
	}
	withShell("cat /opaque/file; cat /redirected 2>/dev/null; [ -e /whiteout ] || echo hidden; echo x >/opaque/file; echo x >/redirected; echo x >/link/new")(b.spec)
	b.spec.Mounts = b.spec.Mounts[:len(b.spec.Mounts)-1] // the one below /not, a link
	before := fingerprint(t, b.path())
	for _, options := range []string{"", "metacopy=on,redirect_dir=on"} {
		if options != "" {
			withAnnotation("run.tare.overlay.options", options)(b.spec)
		}
		out := b.try("run", "--overlay", "tmpfs").stdout
		if !strings.HasPrefix(out, "seen\n") || strings.Contains(strings.ReplaceAll(out, "file\n", "LEAK"), "LEAK") {
			t.Errorf("%q: output %q", options, out)
		}
		canary.unchanged()
	}
	if fingerprint(t, b.path()) != before {
		t.Error("the image has changed")
	}
}

// S1: the root of the container can be passed by its users, whatever the umask of the caller.
func TestOverlayUmask(t *testing.T) {
	b := newBundle(t, withWritableRoot, withShell("busybox stat -c %a /"))
	for _, place := range []string{"tmpfs", b.directory("writes")} {
		old := syscall.Umask(0o077)
		out := b.output("--overlay", place)
		syscall.Umask(old)
		wants(t, "mode of the root over "+place, out, "755")
	}
}

func workspaceOnTmpfs(t *testing.T) bool {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(workspace, &st))
	return st.Type == unix.TMPFS_MAGIC
}

// S4 S5: in a user namespace the overlay is the container's; its root writes to a tmpfs and to a directory, removes what the
// image has and makes a directory in its place, which takes attributes that it may set. Layers of the host's root are the
// container root's if they are idmapped, which leaves no ids of the mapping in the directory.
func TestOverlayUserNamespace(t *testing.T) {
	for _, row := range []struct {
		place, idmap string
		owner        string
		onDisk       uint32
	}{
		{"tmpfs", "", "65534", 0}, {"directory", "", "65534", mapped},
		{"tmpfs", "container", "0", 0}, {"directory", "container", "0", 0},
	} {
		t.Run(row.place+" "+row.idmap, func(t *testing.T) {
			if row.idmap != "" && workspaceOnTmpfs(t) && !kernelRelease(t, 6, 3) {
				t.Skip("a tmpfs can be idmapped since Linux 6.3, and the bundles lie on one")
			}
			b := newBundle(t, withWritableRoot, withUserNamespace, withAnnotation("run.tare.overlay.idmap", row.idmap))
			script := "busybox stat -c %u /bin; echo x >/file; busybox stat -c %u /file"
			if row.place != "tmpfs" && !workspaceOnTmpfs(t) || kernelRelease(t, 6, 6) { // since when tmpfs keeps such attributes
				script += "; busybox rm -r /own && busybox mkdir /own && ls /own"
			}
			withShell(script)(b.spec)
			id := mapped
			if row.idmap != "" {
				id = 0
			}
			b.file("own/old", "x")
			must(t, os.Chown(b.path("own"), id, id))
			layer, dir := b.directory("layer"), b.directory("writes")
			must(t, os.WriteFile(filepath.Join(layer, "layer"), nil, 0o644))
			withAnnotation("run.tare.overlay.lower", layer)(b.spec)
			must(t, os.Chmod(b.dir, 0o700)) // of the host's root
			before := fingerprint(t, b.path())
			place := row.place
			if place == "directory" {
				place = dir
			}
			wants(t, "owners", b.output("--overlay", place), row.owner+"\n0")
			if fingerprint(t, b.path()) != before {
				t.Error("the image has changed")
			}
			if row.place == "directory" {
				if uid := fileOwner(t, filepath.Join(dir, "upper/file")); uid != row.onDisk {
					t.Errorf("the file in the directory is of user %d", uid)
				}
			}
			b.mountsUnchanged()
		})
	}
	b := newBundle(t, withAnnotation("run.tare.overlay.idmap", "container"))
	b.try("create", "--overlay", "tmpfs").fails("/annotations/run.tare.overlay.idmap", "need a user namespace")
	b.nothingLeft()
}

// S1: many containers, one after the other and side by side, leave the image byte by byte as it was.
func TestOverlayLeavesTheImageAlone(t *testing.T) {
	bundles := sharedBundles(t, *overlayCount, "sh", "-c", "echo $$ >/file; rm -r /home; mkdir /x; exit 0")
	bundles[0].spec.Root.Readonly = false
	withAnnotation("run.tare.overlay", "tmpfs")(bundles[0].spec)
	bundles[0].writeConfig()
	before := fingerprint(t, bundles[0].path())
	inParallel(bundles, func(b *bundle) {
		if r := b.tryAt("run"); r.status != 0 {
			t.Error(r)
		}
	})
	if fingerprint(t, bundles[0].path()) != before {
		t.Error("the image has changed")
	}
}

// S6: a create waits for whoever has locked the directory, and not for ever.
func TestOverlayLocked(t *testing.T) {
	b := newBundle(t, withWritableRoot)
	dir := b.directory("writes")
	lock, err := os.Open(dir)
	must(t, err)
	defer lock.Close()
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	b.try("create", "--overlay", dir).fails("lock directory of the overlay", dir, "another process has locked it")
	b.nothingLeft()
	wants(t, "the directory", strings.Join(names(t, dir), " "), "")

	hasOpen := func(create *os.Process) bool {
		fds, _ := filepath.Glob("/proc/" + itoa(create.Pid) + "/fd/*")
		return slices.ContainsFunc(fds, func(fd string) bool {
			target, _ := os.Readlink(fd)
			return target == dir
		})
	}
	b.createWith(invocation{whileItRuns: func(create *os.Process) {
		eventually(t, "create is about to lock the directory", func() bool { return hasOpen(create) || dead(create.Pid) })
		must(t, unix.Flock(int(lock.Fd()), unix.LOCK_UN))
	}}, "--overlay", dir)
}

// S7 C22: what is in the directory and not of tare is refused, and stays: a link would lead the writes elsewhere, and "work" is
// removed by delete.
func TestOverlayForeignDirectory(t *testing.T) {
	for _, row := range []struct {
		name string
		make func(path string, canary canary) error
		want string
	}{
		{"upper", func(path string, c canary) error { return os.Symlink(c.path, path) }, "file exists"},
		{"upper", func(path string, _ canary) error { return os.WriteFile(path, []byte("mine"), 0o644) }, "file exists"},
		{"work", func(path string, c canary) error { return os.Symlink(c.path, path) }, "file exists"},
		{"work", func(path string, _ canary) error { return os.MkdirAll(path+"/mine", 0o755) }, "would be removed with this one"},
		{"owner", func(path string, c canary) error { return os.Symlink(c.path+"/file", path) }, "too many levels of symbolic links"},
		{"owner", func(path string, c canary) error { return os.Symlink(c.path+"/new", path) }, "too many levels of symbolic links"},
		{"owner", func(path string, _ canary) error { return os.WriteFile(path, []byte("mine\n"), 0o644) }, "it says nothing about a container"},
		{"owner", func(path string, _ canary) error { return unix.Mkfifo(path, 0o600) }, "no such device or address"},
	} {
		b := newBundle(t, withWritableRoot)
		canary := newCanary(b)
		dir := b.directory("writes")
		must(t, row.make(filepath.Join(dir, row.name), canary))
		var before, after unix.Stat_t
		must(t, unix.Lstat(filepath.Join(dir, row.name), &before))
		b.try("create", "--overlay", dir).fails(filepath.Join(dir, row.name), row.want)
		b.nothingLeft()
		wants(t, "the directory", strings.Join(names(t, dir), " "), row.name)
		if must(t, unix.Lstat(filepath.Join(dir, row.name), &after)); before.Ino != after.Ino || before.Ctim != after.Ctim {
			t.Errorf("%s has changed", row.name)
		}
		canary.unchanged()
	}
	left := newBundle(t, withWritableRoot) // by a container that is gone, after a reboot
	dir := left.directory("writes")
	must(t, os.MkdirAll(filepath.Join(dir, "work/work"), 0o000))
	must(t, os.WriteFile(filepath.Join(dir, "owner"), []byte("/run/tare\ngone\n"), 0o600))
	left.create("--overlay", dir)
	left.stop()
	left.try("delete").succeeds()
	wants(t, "the directory of one that is gone", strings.Join(names(t, dir), " "), "upper")
}

// S6: the owner file says where the record is from any working directory.
func TestOverlayRelativeRoot(t *testing.T) {
	b := newBundle(t, withWritableRoot)
	dir, root := b.directory("writes"), b.directory("root")
	relative := invocation{args: []string{"--root", "root"}}
	b.createWith(relative, "--overlay", dir)
	wants(t, "owner", read(t, filepath.Join(dir, "owner")), root+"\n"+b.id+"\n")
	second := newBundle(t, withWritableRoot)
	second.try("create", "--overlay", dir).fails("device or resource busy", b.id, root)
	b.tryWith(relative, "delete", "--force").succeeds()
	wants(t, "the directory", strings.Join(names(t, dir), " "), "upper")
}

// S1 S4 R1: an overlay of a user who is not root; the writes in a directory are that user's, and so is the clean-up.
func TestOverlayRootless(t *testing.T) {
	for _, place := range []string{"tmpfs", "directory"} {
		t.Run(place, func(t *testing.T) {
			r := newRootless(t, withShell("cat /etc/group; echo new >/etc/group; cat /etc/group; busybox rm /etc/passwd; [ -e /etc/passwd ] || echo gone"))
			dir := r.directory("writes")
			r.file("etc/group", "image\n")
			r.own()
			before := fingerprint(t, r.path())
			where := place
			if place == "directory" {
				where = dir
			}
			wants(t, "output", r.tare("run", "--overlay", where, r.id).succeeds().stdout, "image\nnew\ngone\n")
			if fingerprint(t, r.path()) != before {
				t.Error("the image has changed")
			}
			if place == "directory" {
				wants(t, "left in the directory", strings.Join(names(t, dir), " "), "upper")
				wants(t, "owner of what is written", itoa(int(fileOwner(t, dir+"/upper/etc/group"))), itoa(rootlessUID))
			}
			r.mountsUnchanged()
		})
	}
}

// S1: a directory that the container's root may not write to is an error, where the kernel would make the overlay read-only.
func TestOverlayUnwritable(t *testing.T) {
	b := newBundle(t, withWritableRoot, withUserNamespace)
	dir := b.directory("writes")
	for _, name := range []string{"upper", "work"} { // of the host's root, left by a container without a user namespace
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(dir, "owner"), []byte("/run/tare\ngone\n"), 0o600))
	b.try("create", "--overlay", dir).fails("/root/path", "overlay", "read-only file system", "must be one that root of the container can write to")
	b.nothingLeft()
}
