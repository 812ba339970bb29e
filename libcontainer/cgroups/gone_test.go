package cgroups

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A cgroup that somebody has removed is said to be, also where the limit has a hint of its own, and by an inode that another has.
func TestGoneCgroup(t *testing.T) {
	other := uint64(1)
	for _, d := range []*directory{{path: t.TempDir() + "/gone", dirFd: -1}, {path: t.TempDir(), dirFd: -1, inode: &other}} {
		err := d.write("pids.max", "1")
		if !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "; it has been removed") {
			t.Errorf("%v", err)
		}
	}
}
