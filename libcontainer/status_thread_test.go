package libcontainer

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/state"
)

const endFirstThread = "TARE_TEST_END_FIRST_THREAD"

// init makes a process that ends its first thread, and lives on until its stdin is closed.
func init() {
	if os.Getenv(endFirstThread) == "" {
		return
	}
	go func() {
		self := "/proc/self/stat"
		for {
			if b, _ := os.ReadFile(self); len(b) > 0 {
				if s, err := parseStat(b); err == nil && s.state == 'Z' {
					break
				}
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

// A process whose first thread has ended lives as long as others run in it; a zombie does not.
func TestAliveWithoutFirstThread(t *testing.T) {
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), endFirstThread+"=1")
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
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	stat, err := readStat(c.Process.Pid)
	if err != nil || stat.state != 'Z' {
		t.Fatalf("%+v, %v", stat, err)
	}
	p := state.Process{Pid: c.Process.Pid, StartTime: stat.startTime}
	if !alive(p) {
		t.Error("it is called dead")
	}
	stdin.Close()
	if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if alive(p) {
		t.Error("the zombie is called alive")
	}
	c.Wait()
}
