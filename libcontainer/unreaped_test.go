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

// An init that cannot go because nobody has reaped an exec is said to wait for that, and for whom.
func TestUnreaped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes pid namespaces")
	}
	init := exec.Command("sleep", "600")
	pidfd := -1
	init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, PidFD: &pidfd}
	if err := init.Start(); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	child := exec.Command("true")
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and the thread ends with the goroutine: its children would go on being born in there
		err := unix.Setns(pidfd, unix.CLONE_NEWPID)
		if err == nil {
			err = child.Start()
		}
		started <- err
	}()
	err := <-started
	if err == nil { // WNOWAIT leaves the zombie
		err = unix.Waitid(unix.P_PID, child.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	init.Process.Kill()
	got := unreaped(init.Process.Pid)
	if err == nil {
		child.Wait()
	}
	after := unreaped(init.Process.Pid)
	init.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"process " + strconv.Itoa(os.Getpid()) + " ", "its child " + strconv.Itoa(child.Process.Pid)} {
		if !strings.Contains(got+" ", word) {
			t.Errorf("%q lacks %q", got, word)
		}
	}
	if strings.Contains(after, strconv.Itoa(child.Process.Pid)) {
		t.Errorf("after that: %q", after)
	}
}
