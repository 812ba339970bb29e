package rootfs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// env is one container root below a temporary directory, with a canary beside it that no test may change.
type env struct {
	dir    string // holds rootfs and canary
	rootfs string
	canary string
}

// inNamespace runs a test in a private mount namespace, which goes away with its thread. The files are removed by the
// goroutine of t, which stays outside: what was mounted over them is not there for it.
func inNamespace(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts file systems")
	}
	dir := t.TempDir()
	e := &env{dir: dir, rootfs: filepath.Join(dir, "rootfs"), canary: filepath.Join(dir, "canary")}
	for _, d := range []string{"rootfs/proc", "rootfs/sys", "rootfs/dev", "rootfs/etc", "canary/sub"} {
		must(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(e.canary, "file"), []byte("secret"), 0o600))
	before := snapshot(t, e.canary)
	t.Run("ns", func(t *testing.T) {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		must(t, unix.Unshare(unix.CLONE_NEWNS))
		must(t, SetPropagation(unix.MS_PRIVATE))
		test(t, e)
	})
	if after := snapshot(t, e.canary); after != before {
		t.Errorf("the canary changed\nbefore %s\n after %s", before, after)
	}
}

// snapshot lists names, modes, owners and contents.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		content := []byte(nil)
		if d.Type().IsRegular() {
			content, err = os.ReadFile(path)
		}
		b.WriteString(strings.Join([]string{strings.TrimPrefix(path, dir), d.Type().String(), fs.FileMode(st.Mode).String(), string(content)}, " ") + "\n")
		return err
	}))
	return b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the root, and closes it with the test.
func (e *env) open(t *testing.T) *Root {
	t.Helper()
	r, err := Open(e.rootfs)
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

// in is the host path of a container path without symbolic links.
func (e *env) in(path string) string { return filepath.Join(e.rootfs, path) }

func (e *env) symlink(t *testing.T, target, path string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(e.in(path)), 0o755))
	must(t, os.Symlink(target, e.in(path)))
}

func (e *env) write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(e.in(path)), 0o755))
	must(t, os.WriteFile(e.in(path), []byte(content), 0o644))
}

// mountLine is a line of mountinfo.
type mountLine struct {
	path, options, optional, fsType, superOptions string
}

// mounted returns what is mounted at a container path, the topmost first.
func (e *env) mounted(t *testing.T, path string) []mountLine {
	t.Helper()
	var lines []mountLine
	for _, l := range allMounts(t) {
		if l.path == filepath.Clean(e.in(path)) {
			lines = append(lines, l)
		}
	}
	slices.Reverse(lines)
	return lines
}

// mountedOnce returns what is mounted at a container path, and demands that something is.
func (e *env) mountedOnce(t *testing.T, path string) mountLine {
	t.Helper()
	lines := e.mounted(t, path)
	if len(lines) == 0 {
		t.Fatalf("nothing is mounted on %s", path)
	}
	return lines[0]
}

func allMounts(t *testing.T) []mountLine {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	must(t, err)
	var lines []mountLine
	for line := range bytes.Lines(text) {
		f := strings.Fields(string(line))
		end := slices.Index(f, "-")
		lines = append(lines, mountLine{
			path: unescape(f[4]), options: f[5], optional: strings.Join(f[6:end], " "), fsType: f[end+1], superOptions: f[end+3],
		})
	}
	return lines
}

// inside fails if something was mounted that does not lie in the root.
func (e *env) inside(t *testing.T, before []mountLine) {
	t.Helper()
	for _, l := range allMounts(t) {
		if !slices.Contains(before, l) && !strings.HasPrefix(l.path+"/", e.rootfs+"/") {
			t.Errorf("mounted outside of the root: %+v", l)
		}
	}
}

// has says whether a comma-separated list has a word.
func has(list, word string) bool { return slices.Contains(strings.Split(list, ","), word) }

// refused demands an error with this errno (0: any) about this path.
func refused(t *testing.T, err error, errno unix.Errno, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Errorf("%v is no fault.Error", err)
	}
	if errno != 0 && !errors.Is(err, errno) {
		t.Errorf("got %v, want %v", err, errno)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want it to say %q", err, w)
		}
	}
}

func tmpfs(destination string, data ...string) *step.Mount {
	return &step.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs", Options: step.MountOptions{Data: data}}
}

func bind(source, destination string) *step.Mount {
	return &step.Mount{Destination: destination, Type: "none", Source: source, Options: step.MountOptions{Bind: true}}
}
