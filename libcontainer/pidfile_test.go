package libcontainer

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A pid file replaces a file, and nothing else: a device, a link or a FIFO is what it was, has the pid, and is not removed.
func TestPidFile(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	content := func(name, want string) {
		t.Helper()
		if b, err := os.ReadFile(in(name)); err != nil || string(b) != want {
			t.Errorf("%s has %q, %v", name, b, err)
		}
	}
	for range 2 { // a new one, and one that is there
		if err := writePidFile(in("pid"), 17); err != nil {
			t.Fatal(err)
		}
		content("pid", "17")
	}
	removePidFile(in("pid"))
	if err := os.Symlink("target", in("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("target"), []byte("much longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(in("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"link": "", "fifo": "no such device or address", ".": "is a directory"} {
		got := ""
		if err := writePidFile(in(name), 17); err != nil {
			got = err.Error()
			want = `pid file "` + in(name) + `": ` + want
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		removePidFile(in(name))
	}
	content("target", "17")
	if names, err := filepath.Glob(in("*")); err != nil || len(names) != 3 {
		t.Errorf("left are %q, %v", names, err)
	}
	if unix.Geteuid() != 0 {
		return
	}
	if err := unix.Mknod(in("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Skip(err)
	}
	if err := writePidFile(in("null"), 17); err != nil {
		t.Error(err)
	}
	removePidFile(in("null"))
	var st unix.Stat_t
	if err := unix.Lstat(in("null"), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		t.Errorf("the device is %o, %v", st.Mode, err)
	}
}
