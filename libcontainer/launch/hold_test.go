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

// CVE-2016-9962: what joins a user namespace shares no memory with us, not even for a moment after Start, and we are as
// dumpable as before.
func TestStartIntoAUserNamespaceSharesNoMemory(t *testing.T) {
	h, err := Hold(unix.CLONE_NEWUSER)
	if err != nil {
		t.Skipf("the host does not let us: %v", err)
	}
	defer h.Close()
	mapOurselves(t, h.Pid)
	fd, err := h.Open(unix.CLONE_NEWUSER)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	before, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	for range 200 {
		p, err := Start(&Options{Image: image(t, "/proc/self/exe"), CgroupFd: -1, Held: []Held{{Kind: unix.CLONE_NEWUSER, Fd: fd}}})
		if err != nil {
			t.Fatal(err)
		}
		same, err := sameMemory(os.Getpid(), p.Pid)
		p.Abort()
		p.Close()
		if err != nil {
			t.Skipf("kcmp: %v", err)
		}
		if same {
			t.Fatal("init shares our memory")
		}
	}
	if after, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); after != before {
		t.Errorf("dumpable is %d, was %d", after, before)
	}
}

// mapOurselves makes us root of the user namespace of a process.
func mapOurselves(t *testing.T, pid int) {
	t.Helper()
	lines := [][2]string{{"setgroups", "deny"}, {"uid_map", "0 " + itoa(os.Geteuid()) + " 1"}, {"gid_map", "0 " + itoa(os.Getegid()) + " 1"}}
	if os.Geteuid() == 0 {
		lines = lines[1:] // init drops its groups
	}
	for _, l := range lines {
		if err := os.WriteFile("/proc/"+itoa(pid)+"/"+l[0], []byte(l[1]), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// sameMemory is KCMP_VM of kcmp(2).
func sameMemory(a, b int) (bool, error) {
	const kcmpVM = 1
	r, _, errno := unix.RawSyscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpVM, 0, 0, 0)
	if errno != 0 {
		return false, errno
	}
	return r == 0, nil
}
