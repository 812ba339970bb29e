package cgrouptest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helperEnv makes a test binary act as the process in the cgroup.
const helperEnv = "TARE_CGROUPTEST_HELPER"

// Helper does not return in the process in the cgroup, and does nothing elsewhere.
//
// The process answers each line of its standard input with one line: "mknod PATH TYPE MAJOR MINOR" and
// "open PATH FLAGS" with the error name or "ok", "fork" with the outcome of starting /bin/true, "ping" with "ok". It ends
// with its input.
func Helper() {
	if os.Getenv(helperEnv) == "" {
		return
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		fmt.Println(answer(strings.Fields(input.Text())))
	}
	os.Exit(0)
}

func answer(words []string) string {
	var err error
	switch words[0] {
	case "ping":
	case "fork":
		err = exec.Command("/bin/true").Run()
	case "mknod":
		var major, minor uint32
		fmt.Sscan(words[3], &major)
		fmt.Sscan(words[4], &minor)
		mode := uint32(unix.S_IFCHR)
		if words[2] == "b" {
			mode = unix.S_IFBLK
		}
		err = unix.Mknod(words[1], mode|0o600, int(unix.Mkdev(major, minor)))
	case "open":
		var flags, fd int
		fmt.Sscan(words[2], &flags)
		// O_NONBLOCK keeps terminals from waiting for a carrier.
		if fd, err = unix.Open(words[1], flags|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
		}
	}
	if errno, ok := err.(unix.Errno); ok {
		return unix.ErrnoName(errno)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// Process is a process in a cgroup.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
	exited chan struct{}
}

// Start runs a process in a cgroup of m, as a container is started: cloned into the unified hierarchy, then moved in the
// others. The end of the test kills it.
func Start(t testing.TB, m Manager) *Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"=1")
	fd, err := m.UnifiedFd()
	if err != nil {
		t.Fatal(err)
	}
	if fd >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	}
	return start(t, cmd, func(pid int) error { return m.Add(pid, false) })
}

func start(t testing.TB, cmd *exec.Cmd, join func(pid int) error) *Process {
	t.Helper()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, cmd: cmd, input: input, output: bufio.NewReader(output), exited: make(chan struct{})}
	// Reaped at once, as init of the host does: a zombie would keep its pid listed in v1.
	go func() {
		_ = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		select {
		case <-p.exited:
		case <-time.After(timeout): // frozen, and the test has failed already
			t.Errorf("process %d does not die", cmd.Process.Pid)
		}
	})
	if err := join(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	p.Ask("ping")
	return p
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Exited is closed when the process is gone and reaped.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Ask sends one line and returns the answer, or "" if the process died.
func (p *Process) Ask(format string, args ...any) string {
	if _, err := fmt.Fprintf(p.input, format+"\n", args...); err != nil {
		return ""
	}
	line, _ := p.output.ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}
