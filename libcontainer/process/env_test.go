package process

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// E8: duplicates: the last wins.
func TestMergeEnv(t *testing.T) {
	for _, tc := range []struct {
		name      string
		env, want []string
	}{
		{"empty", nil, nil},
		{"no duplicates keep their order", []string{"B=1", "A=2"}, []string{"B=1", "A=2"}},
		{"last wins at the first place", []string{"A=1", "B=2", "A=3", "A="}, []string{"A=", "B=2"}},
		{"values with =", []string{"A=x=1", "A=x=2"}, []string{"A=x=2"}},
		{"a name is no prefix", []string{"A=1", "AB=2"}, []string{"A=1", "AB=2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := MergeEnv(tc.env); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// E8: HOME is added from the container's passwd, by number only (CVE-2016-3697).
func TestFindHome(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n" +
		"1000:x:0:0::/evil:/bin/sh\n" +
		"short:x:1002\n" +
		"relative:x:1003:1003::home:/bin/sh\n" +
		"empty:x:1004:1004:::/bin/sh\n" +
		"signed:x:+1005:1::/plus:/bin/sh\n" +
		"big:x:4294967296:0::/overflow:/bin/sh\n" +
		"user:x:1001:1001::/home/first:/bin/sh\n" +
		"user:x:1001:1001::/home/second:/bin/sh\n" +
		"last:x:1006:1006::/home/last"
	for _, tc := range []struct {
		name string
		uid  uint32
		want string
	}{
		{"by number", 0, "/root"},
		{"a name that looks like the number", 1000, ""},
		{"first entry wins", 1001, "/home/first"},
		{"line cut short", 1002, ""},
		{"relative home", 1003, ""},
		{"empty home", 1004, ""},
		{"number with sign", 1005, ""},
		{"last line without newline or shell", 1006, "/home/last"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := findHome([]byte(passwd), tc.uid); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestHome(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/etc/passwd", []byte("u:x:1000:1000::/home/u:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		env, want []string
		uid       uint32
	}{
		{"added", []string{"A=1"}, []string{"A=1", "HOME=/home/u"}, 1000},
		{"unknown user", nil, []string{"HOME=/"}, 7},
		{"kept", []string{"HOME=/x", "A=1"}, []string{"HOME=/x", "A=1"}, 1000},
		{"empty counts as absent", []string{"HOME=", "A=1"}, []string{"HOME=/home/u", "A=1"}, 1000},
		{"another name", []string{"HOMER=/x"}, []string{"HOMER=/x", "HOME=/home/u"}, 1000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inRoot(t, dir, func() {
				if got := Home(tc.env, tc.uid); !slices.Equal(got, tc.want) {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			})
		})
	}
}

// The image owns its passwd: nothing in its place may block, exhaust memory, or show what the runtime has open.
func TestReadPasswdHostile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "passwd")
	if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := unix.Mkfifo(dir+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link": "passwd", "zero": "/dev/zero", "magic": "/proc/self/fd/" + utoa(uint32(open.Fd()))} {
		if err := os.Symlink(target, dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/long", bytes.Repeat([]byte("x"), maxPasswd+5), 0o644); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxPasswd)
	for name, want := range map[string]string{"passwd": "content", "link": "content", "long": long, "fifo": "", "zero": "", "magic": "", ".": "", "missing": ""} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			if got := string(readPasswd(dir + "/" + name)); got != want {
				t.Errorf("read %d bytes, want %d", len(got), len(want))
			}
			if time.Since(begin) > time.Second {
				t.Error("it blocked")
			}
		})
	}
}
