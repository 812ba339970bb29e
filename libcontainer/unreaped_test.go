package libcontainer

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// An init that cannot go because nobody has reaped an exec is said to wait for that, and for whom; not for what another container
// has left.
func TestUnreaped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes pid namespaces")
	}
	waiting, child := unreapedIn(t)
	other, _ := unreapedIn(t)
	got := unreaped(waiting)
	for _, word := range []string{"process " + strconv.Itoa(os.Getpid()) + " ", "its child " + strconv.Itoa(child.Process.Pid)} {
		if !strings.Contains(got+" ", word) {
			t.Errorf("%q lacks %q", got, word)
		}
	}
	child.Wait()
	if got := unreaped(waiting); got != "" {
		t.Errorf("after that: %q", got)
	}
	if got := unreaped(other); got == "" {
		t.Error("nothing is said of the other init")
	}
	if got := unreaped(os.Getpid()); got != "" {
		t.Errorf("of a process in our own namespace: %q", got)
	}
}

// unreapedIn makes a pid namespace whose init has been killed, and a zombie in it.
func unreapedIn(t *testing.T) (init int, zombie *exec.Cmd) {
	t.Helper()
	first, zombie := exec.Command("sleep", "600"), exec.Command("true")
	pidfd := -1
	first.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, PidFD: &pidfd}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine: its children would go on being born in there
		err := unix.Setns(pidfd, unix.CLONE_NEWPID)
		if err == nil {
			err = zombie.Start()
		}
		started <- err
	}()
	err := <-started
	t.Cleanup(func() {
		unix.Close(pidfd)
		first.Process.Kill()
		zombie.Wait()
		first.Wait()
	})
	if err == nil { // WNOWAIT leaves the zombie
		err = unix.Waitid(unix.P_PID, zombie.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	first.Process.Kill()
	return first.Process.Pid, zombie
}
