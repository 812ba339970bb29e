package helper

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/helper/protocol"
)

const testKind = "things"

var testAnswer = []byte("an answer")

func testEntry(key string) *entry { return newEntry(testKind, "1-ff", []byte(key)) }

func mustStore(t *testing.T, dir string, e *entry) string {
	t.Helper()
	if err := e.store(dir, testAnswer); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, e.name())
}

func TestCacheRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	e := testEntry("one")
	if _, ok := e.load(dir); ok {
		t.Fatal("hit in a directory that does not exist")
	}
	old := unix.Umask(0o077) // the modes must not depend on it
	path := mustStore(t, dir, e)
	unix.Umask(old)
	if got, ok := e.load(dir); !ok || !bytes.Equal(got, testAnswer) {
		t.Errorf("read back %q %v", got, ok)
	}
	for _, other := range []*entry{testEntry("two"), newEntry(testKind, "2-ff", []byte("one")), newEntry("other", "1-ff", []byte("one"))} {
		if _, ok := other.load(dir); ok {
			t.Errorf("hit for %q", other.key)
		}
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
		{"answer changed", edit(func(c []byte) []byte { c[keyOffset+len(testEntry("one").key)] ^= 1; return c })},
		{"end changed", edit(func(c []byte) []byte { c[len(c)-1] ^= 1; return c })},
		{"key changed", edit(func(c []byte) []byte { c[keyOffset] ^= 1; return c })},
		{"sum changed", edit(func(c []byte) []byte { c[sumOffset] ^= 1; return c })},
		{"older format", edit(func(c []byte) []byte { c[0] ^= 1; return c })},
		{"key and answer divided elsewhere", edit(func(c []byte) []byte { c[keySizeOffset]--; c[answerSizeOffset]++; return c })},
		{"key longer than the file", edit(func(c []byte) []byte { c[keySizeOffset+3] = 0xff; return c })},
		{"answer longer than the file", edit(func(c []byte) []byte { c[answerSizeOffset+3] = 0xff; return c })},
		{"cut", edit(func(c []byte) []byte { return c[:len(c)-1] })},
		{"cut in the header", edit(func(c []byte) []byte { return c[:keyOffset-1] })},
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
			other := mustStore(t, filepath.Dir(path), testEntry("eno"))
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
			e := testEntry("one")
			row.tamper(t, mustStore(t, dir, e))
			if _, ok := e.load(dir); ok {
				t.Error("the file was used")
			}
			mustStore(t, dir, e)
			if _, ok := e.load(dir); !ok {
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
			if err := testEntry("one").store(dir, testAnswer); err == nil {
				t.Error("stored")
			}
			if _, ok := testEntry("one").load(dir); ok {
				t.Error("an answer is there")
			}
		})
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"init-0000", "other-0000"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now().Add(-time.Hour)
	for i := range 5 {
		path := filepath.Join(dir, prefix(testKind)+strconv.Itoa(i))
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
	if err := evict(d, prefix(testKind), 2); err != nil {
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
	if want := []string{"init-0000", "other-0000", prefix(testKind) + "0", prefix(testKind) + "1"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// A kind, a helper and a key must not run into each other, nor may a sum of the key stand for it.
func TestEntriesAreTheirKeys(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range []*entry{newEntry("ab", "c", []byte("d")), newEntry("a", "bc", []byte("d")), newEntry("ab", "", []byte("cd")), newEntry("ab", "c", nil)} {
		if seen[string(e.key)] {
			t.Errorf("%q twice", e.key)
		}
		seen[string(e.key)] = true
	}
	dir, one, other := t.TempDir(), testEntry("one"), testEntry("two")
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, one.name()), other.encode(testAnswer), 0o600); err != nil { // as if their sums were equal
		t.Fatal(err)
	}
	if _, ok := one.load(dir); ok {
		t.Error("the answer to another job was taken")
	}
}

func TestAnswerTooLongToKeep(t *testing.T) {
	dir, e := filepath.Join(t.TempDir(), "cache"), testEntry(strings.Repeat("k", 1<<20))
	for size, want := range map[int]bool{protocol.MaxAnswer: true, protocol.MaxAnswer + 1: false} {
		if err := e.store(dir, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if _, ok := e.load(dir); ok != want {
			t.Errorf("%d bytes: %v, want %v", size, ok, want)
		}
	}
}
