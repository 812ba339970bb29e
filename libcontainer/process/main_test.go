package process

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// helper names what the test binary does instead of testing: things that change the whole process, or end in execve.
const helper = "TARE_TEST_PROCESS_HELPER"

func TestMain(m *testing.M) {
	what, argument, _ := strings.Cut(os.Getenv(helper), " ")
	if what == "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread()
	os.Stdout.WriteString(runHelper(what, argument))
	unix.Exit(0) // os.Exit would write about coverage
}

func runHelper(what, argument string) string {
	switch what {
	case "exec":
		return text(Exec(argument, []string{"argv0", "a b"}, []string{"A=1"}))
	case "signals":
		blocked := unix.Sigset_t{Val: [len(unix.Sigset_t{}.Val)]uint64{1 << (unix.SIGUSR2 - 1)}}
		unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, nil)
		if argument == "reset" {
			if err := ResetSignals(); err != nil {
				return err.Error()
			}
		}
		return text(unix.Exec("/bin/cat", []string{"cat", "/proc/self/status"}, nil))
	case "io-priority":
		return ioPriority(argument)
	case "stdio":
		return text(Stdio(1234))
	case "unmapped-uid":
		_, err := Identity(&step.Identity{UID: 1})
		return text(err)
	case "unmapped-group":
		_, err := Identity(&step.Identity{Groups: []uint32{7}})
		return text(err)
	case "no-groups":
		warning, err := Identity(&step.Identity{})
		return text(warning) + " | " + text(err)
	}
	return "unknown helper"
}

func text(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// startHelper prepares the test binary as a helper.
func helperCommand(what string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = []string{helper + "=" + what}
	return c
}

func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v, %s", c.Args, err, out)
	}
	return string(out)
}

// onThread runs f on a thread of its own, with a working directory, root and umask of its own. The thread ends with f, and
// what f did to its credentials and namespaces ends with it.
func onThread(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("changing ids, roots and namespaces needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the goroutine's end is the thread's
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

// status returns one field of the calling thread's status.
func status(t *testing.T, field string) string {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
	}
	return statusField(string(data), field)
}

func statusField(data, field string) string {
	for line := range strings.Lines(data) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return "no " + field
}
