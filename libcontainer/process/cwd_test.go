package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// inRoot runs f on a thread whose root and working directory is dir, as init's is after the pivot.
func inRoot(t *testing.T, dir string, f func()) {
	t.Helper()
	onThread(t, func() {
		if err := unix.Chroot(dir); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Chdir("/"); err != nil {
			t.Error(err)
			return
		}
		f()
	})
}

// E7: the directory is made where it is missing, links are followed inside the root, and it is entered.
func TestMakeCwdAndCwd(t *testing.T) {
	for _, tc := range []struct {
		name, cwd, want string
		wantErr         error
	}{
		{name: "root", cwd: "/", want: "/"},
		{name: "existing", cwd: "/have", want: "/have"},
		{name: "missing", cwd: "/a/b/c", want: "/a/b/c"},
		{name: "missing below existing, odd slashes", cwd: "//have//./x/", want: "/have/x"},
		{name: "through a link", cwd: "/link/y", want: "/have/y"},
		{name: "absolute link that would lead out", cwd: "/out/z", want: "/etc-of-the-image/z"},
		{name: "more dots than levels", cwd: "/../../up", want: "/up"},
		{name: "dangling link", cwd: "/dangling/x", wantErr: unix.ENOENT},
		{name: "below a file", cwd: "/file/x", wantErr: unix.ENOTDIR},
		{name: "loop", cwd: "/loop/x", wantErr: unix.ELOOP},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			os.Mkdir(filepath.Join(dir, "have"), 0o755)
			os.Mkdir(filepath.Join(dir, "etc-of-the-image"), 0o755)
			os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)
			for link, target := range map[string]string{"link": "have", "out": "/../../../etc-of-the-image", "dangling": "/nowhere", "loop": "loop"} {
				if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			inRoot(t, dir, func() {
				unix.Umask(0o022)
				err := MakeCwd(tc.cwd, false)
				if !errors.Is(err, tc.wantErr) {
					t.Errorf("MakeCwd: %v, want %v", err, tc.wantErr)
				}
				if err != nil {
					return
				}
				if err := Cwd(tc.cwd); err != nil {
					t.Errorf("Cwd: %v", err)
				}
				where, err := inside()
				if err != nil || where != tc.want {
					t.Errorf("now in %q, %v; want %q", where, err, tc.want)
				}
				var st unix.Stat_t
				if err := unix.Stat(".", &st); tc.want != "/" && (err != nil || st.Mode&0o7777 != 0o755) {
					t.Errorf("mode %o, %v", st.Mode, err)
				}
			})
		})
	}
}

// E7, security.md CVE-2024-21626: no descriptor of the host leads out of the root, neither by its link in /proc nor by being
// the working directory already.
func TestCwdOutside(t *testing.T) {
	host, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(host)
	dir := t.TempDir()
	t.Run("link in proc", func(t *testing.T) {
		onThread(t, func() {
			link := "/proc/self/fd/" + utoa(uint32(host))
			for name, f := range map[string]func(string) error{"MakeCwd": func(p string) error { return MakeCwd(p, false) }, "Cwd": Cwd} {
				if err := f(link); !errors.Is(err, unix.ELOOP) {
					t.Errorf("%s: %v, want ELOOP", name, err)
				}
			}
		})
	})
	t.Run("already outside", func(t *testing.T) {
		inRoot(t, dir, func() {
			if err := unix.Fchdir(host); err != nil {
				t.Error(err)
			}
			if where, err := inside(); !errors.Is(err, errOutside) {
				t.Errorf("inside = %q, %v", where, err)
			}
		})
	})
	t.Run("removed", func(t *testing.T) {
		inRoot(t, dir, func() {
			if err := errors.Join(unix.Mkdir("/gone", 0o755), unix.Chdir("/gone"), unix.Rmdir("/gone")); err != nil {
				t.Error(err)
			}
			if where, err := inside(); err != unix.ENOENT {
				t.Errorf("inside = %q, %v", where, err)
			}
		})
	})
}

// A working directory that only root may enter is fine when MakeCwd has entered it, as images with USER and WORKDIR need it.
func TestCwdOfRoot(t *testing.T) {
	defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	for _, enteredBefore := range []bool{true, false} {
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(dir+"/private", 0o700), os.Chmod(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		inRoot(t, dir, func() {
			if enteredBefore {
				if err := MakeCwd("/private", false); err != nil {
					t.Error(err)
				}
			}
			if _, err := Identity(&step.Identity{UID: 1000, GID: 1000}); err != nil {
				t.Error(err)
			}
			err := Cwd("/private")
			if enteredBefore && err != nil {
				t.Errorf("entered as root: %v", err)
			}
			if !enteredBefore && (err == nil || !strings.HasPrefix(err.Error(), `chdir "/private": permission denied`)) {
				t.Errorf("not entered before: %v", err)
			}
		})
	}
}
