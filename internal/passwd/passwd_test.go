package passwd

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// E8: users are looked up by number only (CVE-2016-3697).
func TestFind(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n" +
		"1000:x:0:0::/evil:/bin/sh\n" +
		"short:x:1002\n" +
		"relative:x:1003:1003::home:/bin/sh\n" +
		"empty:x:1004:1004:::/bin/sh\n" +
		"signed:x:+1005:1::/plus:/bin/sh\n" +
		"big:x:4294967296:0::/overflow:/bin/sh\n" +
		"+nis:x:1001:1001::/home/first:/bin/sh\n" +
		"user:x:1001:1001::/home/second:/bin/sh\n" +
		"last:x:1006:1006::/home/last"
	for _, tc := range []struct {
		name           string
		uid            uint32
		home, userName string
	}{
		{"by number", 0, "/root", "root"},
		{"a name that looks like the number", 1000, "", ""},
		{"first entry wins, of those with what is wanted", 1001, "/home/first", "user"},
		{"line cut short", 1002, "", ""},
		{"relative home", 1003, "", "relative"},
		{"empty home", 1004, "", "empty"},
		{"number with sign", 1005, "", ""},
		{"last line without newline or shell", 1006, "/home/last", "last"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := find([]byte(passwd), tc.uid, fieldHome, isHome); got != tc.home {
				t.Errorf("home %q, want %q", got, tc.home)
			}
			if got := find([]byte(passwd), tc.uid, fieldName, isName); got != tc.userName {
				t.Errorf("name %q, want %q", got, tc.userName)
			}
		})
	}
}

// The image owns its passwd: nothing in its place may block, exhaust memory, or show what the runtime has open.
func TestReadHostile(t *testing.T) {
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
	for link, target := range map[string]string{"link": "passwd", "zero": "/dev/zero", "magic": "/proc/self/fd/" + strconv.Itoa(int(open.Fd()))} {
		if err := os.Symlink(target, dir+"/"+link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/long", bytes.Repeat([]byte("x"), maxSize+5), 0o644); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxSize)
	for name, want := range map[string]string{"passwd": "content", "link": "content", "long": long, "fifo": "", "zero": "", "magic": "", ".": "", "missing": ""} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			if got := string(read(dir + "/" + name)); got != want {
				t.Errorf("read %d bytes, want %d", len(got), len(want))
			}
			if time.Since(begin) > time.Second {
				t.Error("it blocked")
			}
		})
	}
}
