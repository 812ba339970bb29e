package libcontainer

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// A pid file replaces a file, or a link to one, which is not followed. A device, a FIFO or a link to our own descriptors is what it
// was, has the pid, and is not removed.
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
	if err := writePidFile(in("link"), 17); err != nil {
		t.Fatal(err)
	}
	content("link", "17")
	content("target", "much longer")
	removePidFile(in("link"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Symlink("/proc/self/fd/"+strconv.Itoa(int(w.Fd())), in("stream")); err != nil {
		t.Fatal(err)
	}
	if err := writePidFile(in("stream"), 17); err != nil {
		t.Error(err)
	}
	w.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "17" {
		t.Errorf("the stream has %q, %v", b, err)
	}
	for name, want := range map[string]string{"fifo": "no such device or address", ".": "is a directory"} {
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
