package launch

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// G1 G2: a holder is in the user namespace, its children would be in the time namespace, and nothing is left of it.
func TestHold(t *testing.T) {
	const kinds = unix.CLONE_NEWUSER | unix.CLONE_NEWTIME
	h, err := Hold(kinds)
	if err != nil {
		t.Skipf("the host does not let us: %v", err)
	}
	for kind, name := range map[uint64]string{unix.CLONE_NEWUSER: "user", unix.CLONE_NEWTIME: "time_for_children"} {
		fd, err := h.Open(kind)
		if err != nil {
			t.Fatal(err)
		}
		var theirs, ours unix.Stat_t
		if unix.Fstat(fd, &theirs) != nil || unix.Stat("/proc/self/ns/"+name, &ours) != nil || theirs.Ino == ours.Ino {
			t.Errorf("%s: is our own", name)
		}
		unix.Close(fd)
	}
	pid := h.Pid
	h.Close()
	if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); err == nil {
		t.Error("the holder is left")
	}
	// Many at once, with a heap that moves on: what the child writes must still be ours.
	for range 50 {
		h, err := Hold(unix.CLONE_NEWUSER)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
	}
}
