package cgroups

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// J36, security rule 10: no name leads out of a cgroup's directory, whoever made it and whatever it goes through.
func TestNamesStayBelow(t *testing.T) {
	top := t.TempDir()
	d := &directory{path: filepath.Join(top, "c1"), dirFd: -1}
	defer d.close()
	err := errors.Join(os.MkdirAll(d.path+"/sub", 0o700), os.WriteFile(top+"/file", []byte("outside"), 0o600),
		os.WriteFile(d.path+"/sub/file", nil, 0o600), os.Symlink("../file", d.path+"/link"), os.Symlink("..", d.path+"/up"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../file", "sub/file", "link", "up", ".", "..", ""} {
		if fd, err := d.openFile(name, unix.O_RDONLY); err == nil {
			unix.Close(fd)
			t.Errorf("%q is opened", name)
		}
	}
	if _, err := d.open(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"..", "sub/../..", "up", "/"} {
		if fd, err := openat2(d.dirFd, name, unix.O_RDONLY, resolve); err == nil {
			unix.Close(fd)
			t.Errorf("%q is resolved", name)
		}
		h := &hierarchy{directory: directory{path: d.path, dirFd: -1}}
		if err := h.enter([]string{name}); err == nil {
			t.Errorf("%q is entered", name)
		}
		h.close()
	}
}

// J2: a directory at the path of a unit's cgroup that is another one by now is none.
func TestAnotherDirectory(t *testing.T) {
	path := t.TempDir()
	d := &directory{path: path, dirFd: -1, inode: new(uint64(1))}
	if _, err := d.open(); !errors.Is(err, unix.ENOENT) || d.dirFd >= 0 {
		t.Errorf("%v", err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	*d.inode = inodeOf(fd)
	unix.Close(fd)
	if _, err := d.open(); err != nil {
		t.Error(err)
	}
	d.close()
}
