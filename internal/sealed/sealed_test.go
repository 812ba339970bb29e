package sealed

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// script is an executable small enough to read in a test.
var script = []byte("#!/bin/sh\necho sealed\n")

func embedded(t *testing.T, dir string) *os.File {
	t.Helper()
	fd, err := Embedded(dir, "script-1", script)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "sealed")
	t.Cleanup(func() { f.Close() })
	return f
}

func throughProc(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// CVE-2019-5736: whoever holds the descriptor, or reaches it through /proc, can execute and cannot write.
func TestNobodyCanWrite(t *testing.T) {
	self, err := Self("self")
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]*os.File{"embedded": embedded(t, t.TempDir()), "self": os.NewFile(uintptr(self), "self")}
	for name, f := range images {
		w, err := os.OpenFile(throughProc(f), os.O_WRONLY, 0)
		if err == nil {
			w.Close()
		}
		if !errors.Is(err, unix.EROFS) && !errors.Is(err, unix.ETXTBSY) && !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: open for writing: %v", name, err)
		}
		if err := os.Truncate(throughProc(f), 0); err == nil {
			t.Errorf("%s: truncated", name)
		}
	}
	copied, err := memfd("copy", script)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	if _, err := unix.Pwrite(copied, []byte{0}, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("memfd: write: %v, want EPERM", err)
	}
	if err := unix.Ftruncate(copied, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("memfd: truncate: %v, want EPERM", err)
	}
}

// The directory may be mounted noexec, as /run is on Debian.
func TestExecutedFromANoexecMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	c := exec.Command("/proc/self/fd/3")
	c.ExtraFiles = []*os.File{embedded(t, filepath.Join(dir, "cache"))}
	if out, err := c.CombinedOutput(); err != nil || string(out) != "sealed\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestAFileThatIsNotOursIsRefused(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"other size":    func(path string) error { return os.WriteFile(path, []byte("#!/bin/false"), 0o511) },
		"writable":      func(path string) error { return os.Chmod(path, 0o700) },
		"second name":   func(path string) error { return os.Link(path, path+"-2") },
		"symbolic link": func(path string) error { return errors.Join(os.Rename(path, path+"-2"), os.Symlink(path+"-2", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "script-1")
			embedded(t, dir)
			if name == "other size" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if fd, err := Embedded(dir, "script-1", script); err == nil {
				unix.Close(fd)
				t.Error("accepted")
			}
		})
	}
}

// A process that was killed while it wrote leaves a file with its pid, which may come again.
func TestALeftoverOfOurPidIsNoObstacle(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "script-1."+strconv.Itoa(os.Getpid())), []byte("half"), 0o511); err != nil {
		t.Fatal(err)
	}
	embedded(t, dir)
}
