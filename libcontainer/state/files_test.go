package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// mode is that of a name, with the sticky bit as chmod(1) has it.
func mode(t *testing.T, path string) uint32 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Mode & 0o7777
}

// B1, security rule 14: whoever is not the caller reads nothing below the root, whatever the root was given as: config.json has
// passwords in it. The root is sticky, so that cleaners of $XDG_RUNTIME_DIR leave it; the socket's directory is for all users.
func TestModes(t *testing.T) {
	defer unix.Umask(unix.Umask(0o000))
	r := newRoot(t)
	d := create(t, r, "one")
	defer d.Close()
	if err := errors.Join(d.SaveConfig([]byte("{}")), d.Save(&Record{})); err != nil {
		t.Fatal(err)
	}
	unix.Umask(0o077)
	if err := d.MakeNotify(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{
		r.Path: 0o1700, d.path(""): 0o700, d.path("config.json"): 0o600, d.path("state.json"): 0o600, d.NotifyPath(): 0o755,
	} {
		if got := mode(t, path); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// Security rule 7: no program that this process starts gets the descriptor by accident.
func TestCloseOnExec(t *testing.T) {
	d := create(t, newRoot(t), "one")
	defer d.Close()
	for _, fd := range []int{d.fd, d.root.fd} {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags %#x, %v", flags, err)
		}
	}
}

// Security rule 14: what lies in the root under the name of a container, or in its directory under that of a file of ours, and
// leads elsewhere, is not followed: delete would remove what is there.
func TestLinksAreNotFollowed(t *testing.T) {
	r := newRoot(t)
	elsewhere := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(r.Path, "link")); err != nil {
		t.Fatal(err)
	}
	if d, err := r.Open("link"); err == nil {
		d.Close()
		t.Error("a link to a directory is taken for a container")
	}
	d := create(t, r, "one")
	defer d.Close()
	target := filepath.Join(elsewhere, "config.json")
	if err := errors.Join(os.WriteFile(target, []byte("{}"), 0o600), os.Symlink(target, d.path("config.json"))); err != nil {
		t.Fatal(err)
	}
	if b, err := d.Config(); !errors.Is(err, unix.ELOOP) {
		t.Errorf("read %q through a link, %v", b, err)
	}
}

// A file that is larger than any of ours is not read into memory.
func TestReadIsBounded(t *testing.T) {
	d := create(t, newRoot(t), "one")
	defer d.Close()
	if err := errors.Join(os.WriteFile(d.path("state.json"), nil, 0o600), os.Truncate(d.path("state.json"), maxRecord+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load(); err == nil || !strings.Contains(err.Error(), "not a regular file of at most") {
		t.Errorf("got %v", err)
	}
}

// C1: a create that cannot go on leaves no directory that would take the id.
func TestCreateWithoutDescriptors(t *testing.T) {
	r := newRoot(t)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: before.Max})
	d, err := r.Create("one")
	unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	if !errors.Is(err, unix.EMFILE) {
		t.Fatalf("got %v, %v", d, err)
	}
	if _, err := r.Open("one"); err != fault.ErrNotExist {
		t.Errorf("a directory is left: %v", err)
	}
}

// K6: a write that fails leaves what was there, and nothing beside it.
func TestFailedWriteLeavesNothing(t *testing.T) {
	d := create(t, newRoot(t), "one")
	defer d.Close()
	if err := os.Mkdir(d.path("config.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveConfig([]byte("{}")); !errors.Is(err, unix.EISDIR) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(d.path("")); err != nil || len(entries) != 1 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// C23: whatever a verb that was killed has left of our files goes. The record goes last: while it is there, delete can be done
// again and knows what the container owns.
func TestRemove(t *testing.T) {
	d := create(t, newRoot(t), "one")
	defer d.Close()
	if err := d.Save(&Record{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "resources.json", "state.json"} {
		if err := os.WriteFile(d.path(name+".new"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stubborn := []string{"config.json", "resources.json"}
	for _, name := range stubborn {
		if err := os.Mkdir(d.path(name), 0o700); err != nil { // which unlink(2) does not remove
			t.Fatal(err)
		}
	}
	for _, name := range stubborn {
		if err := d.Remove(); err == nil {
			t.Error("removed in spite of " + name)
		}
		if _, err := d.Load(); err != nil {
			t.Errorf("the record went before %s: %v", name, err)
		}
		if err := os.Remove(d.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Remove(); err != nil || !d.Removed() {
		t.Errorf("%v, removed: %v", err, d.Removed())
	}
}
