package cgroups

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const endFirstThread = "TARE_TEST_END_FIRST_THREAD"

// init makes a process that ends its first thread, and lives on until its stdin is closed.
func init() {
	if os.Getenv(endFirstThread) == "" {
		return
	}
	go func() {
		for {
			if b, _ := os.ReadFile("/proc/self/stat"); strings.Contains(string(b), ") Z ") {
				break
			}
			time.Sleep(time.Millisecond)
		}
		os.Stdout.WriteString("ended\n")
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	runtime.LockOSThread() // the first thread, as this is an init function
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

// A process without its first thread, to which cgroup.kill sends the signal, is killed as well.
func TestKillHeadless(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups")
	}
	host, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	m := host.New("/tare-test-headless-" + strconv.Itoa(os.Getpid()))
	defer m.Close()
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), endFirstThread+"=1")
	fd, err := m.UnifiedFd()
	if err != nil || fd < 0 {
		t.Skip("no unified hierarchy: nothing is killed by cgroup.kill")
	}
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd} // one that has ended its first thread cannot be moved
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Error(err)
	}
	if err := m.Kill(); err != nil {
		t.Error(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("it lives")
		stdin.Close()
		<-ended
	}
	if err := m.Destroy(5 * time.Second); err != nil {
		t.Error(err)
	}
}
