package rootfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// TestCopyUp covers F36.
func TestCopyUp(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		defer unix.Umask(unix.Umask(0o077))
		must(t, os.MkdirAll(e.in("data/dir/deep"), 0o755))
		must(t, os.Chmod(e.in("data"), 0o751))
		must(t, os.Chown(e.in("data"), 12, 34))
		big := strings.Repeat("0123456789", 100_000)
		e.write(t, "/data/dir/file", big)
		must(t, os.Chown(e.in("data/dir/file"), 12, 34))
		must(t, unix.Chmod(e.in("data/dir/file"), 0o4751))
		old := time.Unix(1_000_000_000, 123)
		must(t, os.Chtimes(e.in("data/dir/file"), old, old))
		must(t, os.Chtimes(e.in("data/dir/deep"), old, old))
		must(t, unix.Mkfifo(e.in("data/fifo"), 0o640))
		must(t, unix.Mknod(e.in("data/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		e.symlink(t, filepath.Join(e.canary, "file"), "/data/dir/out")
		e.symlink(t, e.canary, "/data/outdir")
		e.write(t, "/data/mounted/hidden", "")
		r := e.open(t)
		must(t, r.Mount(tmpfs("/data/mounted")))
		before := snapshot(t, e.in("data/dir"))

		m := tmpfs("/data")
		m.Options = step.MountOptions{CopyUp: true, Super: []string{"ro"}, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}
		must(t, r.Mount(m))
		if got := e.mountedOnce(t, "/data"); got.fsType != "tmpfs" || !has(got.options, "ro") || !has(got.superOptions, "mode=751") || !has(got.superOptions, "uid=12") {
			t.Errorf("mounted %+v", got)
		}
		if after := snapshot(t, e.in("data/dir")); after != before {
			t.Errorf("the copy differs (%d and %d bytes)", len(before), len(after))
		}
		for path, want := range map[string]struct{ mode, uid, gid uint32 }{
			"/data/dir/file": {unix.S_IFREG | 0o4751, 12, 34},
			"/data/fifo":     {unix.S_IFIFO | 0o600, 0, 0}, // made under the umask above
			"/data/null":     {unix.S_IFCHR | 0o600, 0, 0},
			"/data/outdir":   {unix.S_IFLNK | 0o777, 0, 0},
			"/data":          {unix.S_IFDIR | 0o751, 12, 34},
		} {
			var st unix.Stat_t
			must(t, unix.Lstat(e.in(path), &st))
			if st.Mode != want.mode || st.Uid != want.uid || st.Gid != want.gid {
				t.Errorf("%s: mode %o, owner %d:%d", path, st.Mode, st.Uid, st.Gid)
			}
		}
		for _, path := range []string{"/data/dir/file", "/data/dir/deep"} {
			st, err := os.Stat(e.in(path))
			must(t, err)
			if !st.ModTime().Equal(old) {
				t.Errorf("%s was changed at %v", path, st.ModTime())
			}
		}
		if _, err := os.Lstat(e.in("data/mounted")); err == nil {
			t.Error("a mount point was copied")
		}
	})
}

// TestCopyUpOfMissingDirectory: there is nothing to copy.
func TestCopyUpOfMissingDirectory(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		m := tmpfs("/new")
		m.Options.CopyUp = true
		must(t, e.open(t).Mount(m))
		must(t, os.WriteFile(e.in("new/x"), nil, 0o644))
	})
}

// TestCopyUpIsBounded: an image cannot use up the descriptors of init.
func TestCopyUpIsBounded(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		must(t, os.MkdirAll(e.in("data")+strings.Repeat("/d", maxCopyDepth), 0o755))
		m := tmpfs("/data")
		m.Options.CopyUp = true
		r := e.open(t)
		refused(t, r.Mount(m), 0, errTooDeep.Error())
		if left := e.mounted(t, "/data"); len(left) > 0 {
			t.Errorf("mounted %+v", left)
		}
		must(t, os.Remove(e.in("data")+strings.Repeat("/d", maxCopyDepth)))
		must(t, r.Mount(m))
	})
}

// TestCopyFileInTheLastMoment: what has taken the place of a file after it was looked at is not read, nor waited for.
func TestCopyFileInTheLastMoment(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		e.symlink(t, filepath.Join(e.canary, "file"), "/from/link")
		must(t, unix.Mkfifo(e.in("from/fifo"), 0o600))
		must(t, os.Mkdir(e.in("to"), 0o755))
		var fds [2]int
		for i, dir := range []string{"from", "to"} {
			fd, err := unix.Open(e.in(dir), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			must(t, err)
			defer unix.Close(fd)
			fds[i] = fd
		}
		if err := copyFile(fds[0], fds[1], "link"); err != unix.ELOOP {
			t.Errorf("a link: %v", err)
		}
		if err := copyFile(fds[0], fds[1], "fifo"); err == nil {
			if st, err := os.Stat(e.in("to/fifo")); err != nil || st.Size() > 0 {
				t.Errorf("a FIFO: %v, %v", st, err)
			}
		}
	})
}
