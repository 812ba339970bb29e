package seccomp

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

var testEntry = cacheEntry{
	filter:  bpf.Encode([]bpf.Instruction{{Code: bpf.Return, K: bpf.ReturnAllow}, {Code: bpf.Return}}),
	unknown: []string{"one", "two"},
}

func mustStore(t *testing.T, dir string, k key) string {
	t.Helper()
	if err := storeCached(dir, k, testEntry); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, cacheName(k))
}

func TestCacheRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	k := key{1}
	if _, ok := loadCached(dir, k); ok {
		t.Fatal("hit in a directory that does not exist")
	}
	old := unix.Umask(0o077) // the modes must not depend on it
	path := mustStore(t, dir, k)
	unix.Umask(old)
	got, ok := loadCached(dir, k)
	if !ok || !bytes.Equal(got.filter, testEntry.filter) || !slices.Equal(got.unknown, testEntry.unknown) {
		t.Errorf("read back %v %v", got, ok)
	}
	if _, ok := loadCached(dir, key{2}); ok {
		t.Error("hit for another key")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("files left: %v, %v", entries, err)
	}
}

// Whatever is wrong with a file, it is a miss, and the next store repairs it.
func TestTamperedCache(t *testing.T) {
	mustDo := func(t *testing.T, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	edit := func(change func(content []byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			mustDo(t, err)
			mustDo(t, os.WriteFile(path, change(content), 0o600))
		}
	}
	for _, row := range []struct {
		name   string
		tamper func(t *testing.T, path string)
	}{
		{"instruction changed", edit(func(c []byte) []byte { c[contentOffset] ^= 1; return c })},
		{"name changed", edit(func(c []byte) []byte { c[len(c)-1] ^= 1; return c })},
		{"sum changed", edit(func(c []byte) []byte { c[sumOffset] ^= 1; return c })},
		{"older format", edit(func(c []byte) []byte { c[0] ^= 1; return c })},
		{"program and names divided elsewhere", edit(func(c []byte) []byte { c[len(cacheMagic)] -= 8; return c })},
		{"program longer than the file", edit(func(c []byte) []byte { c[len(cacheMagic)+1] = 1; return c })},
		{"cut", edit(func(c []byte) []byte { return c[:len(c)-1] })},
		{"cut in the header", edit(func(c []byte) []byte { return c[:contentOffset-1] })},
		{"longer", edit(func(c []byte) []byte { return append(c, 0) })},
		{"empty", edit(func([]byte) []byte { return nil })},
		{"huge", func(t *testing.T, path string) { mustDo(t, os.Truncate(path, 1<<40)) }},
		{"open to others", func(t *testing.T, path string) { mustDo(t, os.Chmod(path, 0o644)) }},
		{"linked elsewhere", func(t *testing.T, path string) { mustDo(t, os.Link(path, path+".link")) }},
		{"symbolic link", func(t *testing.T, path string) {
			mustDo(t, os.Rename(path, path+".real"))
			mustDo(t, os.Symlink(path+".real", path))
		}},
		{"FIFO", func(t *testing.T, path string) {
			mustDo(t, os.Remove(path))
			mustDo(t, unix.Mkfifo(path, 0o600))
		}},
		{"another entry's file", func(t *testing.T, path string) {
			other := mustStore(t, filepath.Dir(path), key{9})
			mustDo(t, os.Rename(other, path))
		}},
		{"of another user", func(t *testing.T, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			mustDo(t, os.Chown(path, 65534, 65534))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			mustDo(t, os.Chmod(dir, 0o700))
			k := key{1}
			row.tamper(t, mustStore(t, dir, k))
			if _, ok := loadCached(dir, k); ok {
				t.Error("the file was used")
			}
			mustStore(t, dir, k)
			if _, ok := loadCached(dir, k); !ok {
				t.Error("the file was not replaced")
			}
		})
	}
}

// A directory that others can write to, or that is not there, is not written to.
func TestCacheDirectoryRefused(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(dir string) error
	}{
		{"open to others", func(dir string) error { return os.Chmod(dir, 0o770) }},
		{"of another user", func(dir string) error { return os.Chown(dir, 65534, 65534) }},
		{"a symbolic link", func(dir string) error {
			if err := os.Rename(dir, dir+".real"); err != nil {
				return err
			}
			return os.Symlink(dir+".real", dir)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give directories away")
			}
			dir := filepath.Join(t.TempDir(), "cache")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := row.prepare(dir); err != nil {
				t.Fatal(err)
			}
			if err := storeCached(dir, key{1}, testEntry); err == nil {
				t.Error("stored")
			}
			if _, ok := loadCached(dir, key{1}); ok {
				t.Error("a program is there")
			}
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init-0000"), nil, 0o500); err != nil {
		t.Fatal(err)
	}
	start := time.Now().Add(-time.Hour)
	for i := range 5 {
		path := filepath.Join(dir, cachePrefix+strconv.Itoa(i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, start, start.Add(time.Duration((i+3)%5)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := evict(d, 2); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	// File i is as old as (i+3)%5 is small: 0 and 1 are the youngest. What is not ours stays.
	if want := []string{"init-0000", cachePrefix + "0", cachePrefix + "1"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}
