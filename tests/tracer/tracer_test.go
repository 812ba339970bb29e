package tracer

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// traced runs a shell script, which is what traces it: the shell and its children.
func traced(t *testing.T, script string, decide func(*Call) Verdict) (Result, string) {
	t.Helper()
	if !Supported {
		t.Skip("the registers of this architecture are not known")
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command("/bin/sh", "-c", script)
	c.Stdout, c.Stderr = out, out
	r, err := Run(c, 20*time.Second, decide)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return r, string(bytes.TrimSpace(text))
}

func TestRun(t *testing.T) {
	processes := map[int]bool{}
	r, out := traced(t, "/bin/echo child; exit 3", func(c *Call) Verdict {
		processes[c.Order] = true
		return Verdict{}
	})
	if r.Hung || r.Status.ExitStatus() != 3 || out != "child" || len(processes) != 2 {
		t.Errorf("%+v, %q, processes %v", r, out, processes)
	}
}

func TestFault(t *testing.T) {
	r, out := traced(t, "cd /tmp || exit 9; echo no", func(c *Call) Verdict {
		if c.Number == syscall.SYS_CHDIR {
			return Verdict{Errno: syscall.ENOMEM}
		}
		return Verdict{}
	})
	if r.Status.ExitStatus() != 9 || bytes.Contains([]byte(out), []byte("no\n")) {
		t.Errorf("%+v, %q", r, out)
	}
}

func TestKill(t *testing.T) {
	for order, want := range []string{"", "after 137"} {
		r, out := traced(t, "/bin/true; echo after $?", func(c *Call) Verdict {
			return Verdict{Kill: c.Order == order && (order == 1 || c.Number == syscall.SYS_WAIT4)}
		})
		if out != want && !(order == 1 && bytes.HasSuffix([]byte(out), []byte(want))) {
			t.Errorf("process %d killed: %+v, %q", order, r, out)
		}
		if order == 0 && r.Status.Signal() != syscall.SIGKILL {
			t.Errorf("%+v", r)
		}
	}
}

// A process that outlives the program goes on, untraced.
func TestLetsGo(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	_, _ = traced(t, "(sleep 0.2; echo > "+done+") & exit 0", func(*Call) Verdict { return Verdict{} })
	for range 200 {
		if _, err := os.Stat(done); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("it did not go on")
}

func TestDeadline(t *testing.T) {
	c := exec.Command("/bin/sleep", "100")
	if !Supported {
		t.Skip("the registers of this architecture are not known")
	}
	r, err := Run(c, 100*time.Millisecond, func(*Call) Verdict { return Verdict{} })
	if err != nil || !r.Hung || r.Status.Signal() != syscall.SIGKILL {
		t.Errorf("%+v, %v", r, err)
	}
}
