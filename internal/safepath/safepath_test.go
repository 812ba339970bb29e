package safepath

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tree makes a root with a canary beside it. Entries are "dir/", "file", or "link -> target".
func tree(t *testing.T, entries ...string) (root Root, dir string) {
	t.Helper()
	base := t.TempDir()
	dir = filepath.Join(base, "root")
	must(t, os.MkdirAll(filepath.Join(base, "canary"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	for _, e := range entries {
		name, target, isLink := strings.Cut(e, " -> ")
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, path))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o755))
		default:
			must(t, os.WriteFile(path, nil, 0o644))
		}
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() {
		unix.Close(fd)
		if left, err := os.ReadDir(filepath.Join(base, "canary")); len(left) > 0 || err != nil {
			t.Errorf("the canary has %v, %v", left, err)
		}
		if left, err := os.ReadDir(base); len(left) != 2 || err != nil {
			t.Errorf("beside the root: %v, %v", left, err)
		}
	})
	return Root{Fd: fd}, dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at returns where a descriptor leads, relative to dir.
func at(t *testing.T, fd int, dir string) string {
	t.Helper()
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	must(t, err)
	rel, err := filepath.Rel(dir, path)
	must(t, err)
	return rel
}

// TestOpen covers F9 and security rule 2: links mean what they mean inside.
func TestOpen(t *testing.T) {
	root, dir := tree(t, "etc/passwd", "abs -> /etc", "rel -> etc/../etc", "up -> ../../../canary", "a/b/",
		"a/b/back -> ../../etc/passwd", "loop -> loop", "dangling -> /missing", "cwd -> /proc/self/cwd")
	for _, tt := range []struct {
		path  string
		want  string
		errno unix.Errno
	}{
		{path: "/", want: "."},
		{path: "..", want: "."},
		{path: "/../../etc", want: "etc"},
		{path: "/abs/passwd", want: "etc/passwd"},
		{path: "/rel/passwd", want: "etc/passwd"},
		{path: "/a/b/back", want: "etc/passwd"},
		{path: "/a/b/../../abs", want: "etc"},
		{path: "/up", errno: unix.ENOENT},
		{path: "/dangling", errno: unix.ENOENT},
		{path: "/loop", errno: unix.ELOOP},
		{path: "/etc/passwd/x", errno: unix.ENOTDIR},
		{path: "", errno: unix.ENOENT},
		{path: "/a\x00b", errno: unix.EINVAL},
	} {
		t.Run(tt.path, func(t *testing.T) {
			fd, err := root.Open(tt.path)
			if tt.errno != 0 {
				if err != tt.errno {
					t.Errorf("got %v, want %v", err, tt.errno)
				}
				return
			}
			must(t, err)
			defer unix.Close(fd)
			if got := at(t, fd, dir); got != tt.want {
				t.Errorf("opened %s, want %s", got, tt.want)
			}
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			if flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor is inherited: %v", err)
			}
		})
	}
}

// TestOpenMagicLink: the links of a procfs to open files leave the root and are refused.
func TestOpenMagicLink(t *testing.T) {
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	root := Root{Fd: fd}
	for _, path := range []string{"/self/cwd", "/self/root/etc", "/self/fd/" + strconv.Itoa(fd)} {
		if fd, err := root.Open(path); err != unix.ELOOP {
			t.Errorf("%s: %d, %v", path, fd, err)
		}
		if fd, err := root.MkdirAll(path+"/x", 0o755); err != unix.ELOOP {
			t.Errorf("mkdir %s: %d, %v", path, fd, err)
		}
	}
}

func TestOpenPlain(t *testing.T) {
	root, dir := tree(t, "proc/", "link -> proc", "a/link -> /proc")
	fd, err := root.OpenPlain("/proc")
	must(t, err)
	if got := at(t, fd, dir); got != "proc" {
		t.Errorf("opened %s", got)
	}
	unix.Close(fd)
	for _, path := range []string{"/link", "/a/link", "/link/x"} {
		if _, err := root.OpenPlain(path); err != unix.ELOOP {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestCreate covers F9 and F10: links, and where they lead nowhere, their targets.
func TestCreate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []string
		path    string
		want    string
		errno   unix.Errno
	}{
		{name: "existing", path: "/etc", want: "etc"},
		{name: "deep", path: "/a/b/c/d", want: "a/b/c/d"},
		{name: "dots", path: "/a/./b/../c", want: "a/c"},
		{name: "above the root", path: "/../../a", want: "a"},
		{name: "through a link", entries: []string{"link -> /etc"}, path: "/link/x/y", want: "etc/x/y"},
		{name: "through a link above the root", entries: []string{"link -> ../../../../canary"}, path: "/link/x", want: "canary/x"},
		{name: "dangling at the end", entries: []string{"link -> /new/place"}, path: "/link", want: "new/place"},
		{name: "dangling in the middle", entries: []string{"a/link -> ../new"}, path: "/a/link/x", want: "new/x"},
		{name: "absolute link in a directory", entries: []string{"a/b/link -> /new"}, path: "/a/b/link/x", want: "new/x"},
		{name: "dangling chain", entries: []string{"one -> two/x", "two -> three", "three -> /four"}, path: "/one/y", want: "four/x/y"},
		{name: "dangling with a trailing slash", entries: []string{"link -> new/"}, path: "/link", want: "new"},
		{name: "back out of what is new", entries: []string{"link -> /new/../../../other"}, path: "/link/x", want: "other/x"},
		{name: "loop", entries: []string{"a -> b", "b -> a"}, path: "/a/x", errno: unix.ELOOP},
		{name: "endless", entries: []string{"a -> missing/../a"}, path: "/a", errno: unix.ELOOP},
		{name: "below a file", entries: []string{"file"}, path: "/file/x", errno: unix.ENOTDIR},
		{name: "name too long", path: "/" + strings.Repeat("x", 300), errno: unix.ENAMETOOLONG},
	} {
		for kind, create := range map[string]func(Root, string) (int, error){
			"dir":  func(r Root, path string) (int, error) { return r.MkdirAll(path, 0o751) },
			"file": func(r Root, path string) (int, error) { return r.CreateFile(path, 0o640) },
		} {
			t.Run(tt.name+" "+kind, func(t *testing.T) {
				root, dir := tree(t, tt.entries...)
				defer unix.Umask(unix.Umask(0o077))
				fd, err := create(root, tt.path)
				if kind == "file" && tt.name == "dangling with a trailing slash" {
					if err != unix.ENOTDIR && err != unix.EISDIR {
						t.Errorf("got %v", err)
					}
					return
				}
				if tt.errno != 0 {
					if err != tt.errno {
						t.Errorf("got %v, want %v", err, tt.errno)
					}
					return
				}
				must(t, err)
				defer unix.Close(fd)
				if got := at(t, fd, dir); got != tt.want {
					t.Errorf("opened %s, want %s", got, tt.want)
				}
				checkMode(t, fd, kind, tt.name == "existing")
			})
		}
	}
}

// TestCreateFileInTheLastMoment: a link that has appeared since the name was looked at is not followed (CVE-2024-45310).
func TestCreateFileInTheLastMoment(t *testing.T) {
	root, _ := tree(t, "link -> ../canary/new", "file")
	for _, name := range []string{"link", "file"} {
		if err := createFile(root.Fd, name, 0o644); err != unix.EEXIST {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func checkMode(t *testing.T, fd int, kind string, existing bool) {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Fstat(fd, &st))
	want := uint32(unix.S_IFDIR | 0o751)
	switch {
	case existing:
		want = unix.S_IFDIR | 0o755
	case kind == "file":
		want = unix.S_IFREG | 0o640
	}
	if st.Mode != want {
		t.Errorf("mode %o, want %o", st.Mode, want)
	}
}

func TestMkdirAllOnFile(t *testing.T) {
	root, _ := tree(t, "file")
	if _, err := root.MkdirAll("/file", 0o755); err != unix.ENOTDIR {
		t.Errorf("got %v", err)
	}
}

func TestParent(t *testing.T) {
	root, dir := tree(t, "link -> /etc", "etc/name -> /canary")
	for path, want := range map[string][2]string{
		"/link/name": {"etc", "name"}, // the last name is not followed
		"/new/x":     {"new", "x"},
		"/x/":        {".", "x"},
		"/a/../b":    {".", "b"},
	} {
		fd, name, err := root.Parent(path)
		must(t, err)
		if got := at(t, fd, dir); got != want[0] || name != want[1] {
			t.Errorf("%s: %s and %s, want %v", path, got, name, want)
		}
		unix.Close(fd)
	}
	if _, _, err := root.Parent("/.."); err != unix.EISDIR {
		t.Errorf("got %v", err)
	}
}

// TestSwapper: a directory on the way is exchanged with a link to the canary all the time (CVE-2021-30465, CVE-2024-45310).
// Every call may fail, but none may leave the root or leave a descriptor open. tree looks after the canary.
func TestSwapper(t *testing.T) {
	root, dir := tree(t, "real/", "link -> ../canary", "abs/")
	must(t, os.Remove(filepath.Join(dir, "abs")))
	must(t, os.Symlink(filepath.Join(filepath.Dir(dir), "canary"), filepath.Join(dir, "abs")))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				other := []string{"link", "abs"}[i%2]
				unix.Renameat2(root.Fd, "real", root.Fd, other, unix.RENAME_EXCHANGE)
			}
		}
	}()
	before := openDescriptors(t)
	good := 0
	for i, end := 0, time.Now().Add(300*time.Millisecond); time.Now().Before(end); i++ {
		fd, err := root.MkdirAll("/real/"+strconv.Itoa(i%64)+"/x", 0o755)
		if err != nil {
			continue
		}
		good++
		if got := at(t, fd, dir); strings.HasPrefix(got, "..") {
			t.Errorf("left the root: %s", got)
		}
		unix.Close(fd)
	}
	close(stop)
	<-done
	if good == 0 {
		t.Error("no call succeeded")
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}

func TestWalkClosesDescriptors(t *testing.T) {
	root, _ := tree(t, "a -> b", "b -> a", "etc/file", "link -> /x/../y")
	before := openDescriptors(t)
	for _, path := range []string{"/m/a/../../a/x", "/etc/file/x", "/link/z", "/k/l/m/n"} {
		if fd, err := root.MkdirAll(path, 0o755); err == nil {
			unix.Close(fd)
		}
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
