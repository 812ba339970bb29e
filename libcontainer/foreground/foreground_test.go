package foreground

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start starts a shell in the place of init. It runs the script once Supervise says so.
func start(t *testing.T, script string, stdio *os.File) Options {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", "read gate <&3; exec 3<&-; "+script)
	pidfd := -1
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd}
	if stdio != nil {
		c.Stdin, c.Stdout, c.Stderr = stdio, stdio, stdio
		c.SysProcAttr.Setctty = true
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.ExtraFiles = []*os.File{r}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		unix.Close(pidfd)
	})
	return Options{Pid: c.Process.Pid, Pidfd: pidfd, MasterFd: -1, Signals: -1, Start: w.Close}
}

// supervise fails the test where Supervise hangs.
func supervise(t *testing.T, o Options) (int, error) {
	t.Helper()
	type result struct {
		status int
		err    error
	}
	done := make(chan result, 1)
	go func() {
		status, err := Supervise(o)
		done <- result{status, err}
	}()
	select {
	case r := <-done:
		return r.status, r.err
	case <-time.After(20 * time.Second):
		t.Fatal("Supervise hangs")
		return 0, nil
	}
}

// D20.
func TestExitStatus(t *testing.T) {
	for _, tc := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"exit 255", 255},
		{"kill -KILL $$", 128 + 9},
		{"kill -TERM $$", 128 + 15},
	} {
		t.Run(tc.script, func(t *testing.T) {
			status, err := supervise(t, start(t, tc.script, nil))
			if err != nil || status != tc.want {
				t.Errorf("status %d, %v; want %d", status, err, tc.want)
			}
		})
	}
}

func TestNoSuchChild(t *testing.T) {
	o := start(t, "exit 0", nil)
	o.Start()
	o.Start = nil
	if _, err := wait(o.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := supervise(t, o); err == nil || err.Error() != "wait for init: no child processes" {
		t.Errorf("got %v", err)
	}
}

func TestStartFails(t *testing.T) {
	o := start(t, "exit 0", nil)
	o.Start = func() error { return os.ErrClosed }
	if _, err := supervise(t, o); err != os.ErrClosed {
		t.Errorf("got %v", err)
	}
}

// C13: which signals are handed on.
func TestForwarded(t *testing.T) {
	for _, tc := range []struct {
		signal         unix.Signal
		plain, console bool
	}{
		{unix.SIGHUP, true, true},
		{unix.SIGINT, true, true},
		{unix.SIGQUIT, true, true},
		{unix.SIGTERM, true, true},
		{unix.SIGUSR1, true, true},
		{unix.SIGTSTP, true, true},
		{unix.SIGCONT, true, true},
		{unix.SIGWINCH, true, true},
		{40, true, true},
		{64, true, true},
		{unix.SIGCHLD, true, true}, // to reap orphans; TestSignalsReachInit would end if it were handed on
		{unix.SIGPIPE, false, false},
		{unix.SIGURG, false, false},
		{unix.SIGKILL, false, false},
		{unix.SIGSTOP, false, false},
		{unix.SIGTTIN, true, false},
		{unix.SIGTTOU, true, false},
	} {
		if plain, console := caught(tc.signal, false), caught(tc.signal, true); plain != tc.plain || console != tc.console {
			t.Errorf("%v: %v without terminal, %v with; want %v, %v", tc.signal, plain, console, tc.plain, tc.console)
		}
	}
}

func catchSignals(t *testing.T) int {
	t.Helper()
	fd, err := CatchSignals(false)
	if err != nil {
		t.Fatal(err)
	}
	return fd // stays open: the handler writes to the other end until the test process ends
}

// C13: signals that arrive, also before Supervise runs, reach init in their order.
func TestSignalsReachInit(t *testing.T) {
	signals := catchSignals(t)
	o := start(t, `trap n=x USR1; trap '[ "$n" ] && exit 42' TERM; while :; do sleep 0.02; done`, nil)
	o.Signals = signals
	o.Start()
	o.Start = nil
	time.Sleep(100 * time.Millisecond) // for the traps
	for _, s := range []unix.Signal{unix.SIGUSR1, unix.SIGTERM} {
		unix.Kill(unix.Getpid(), s) // not caught, it would end the test
		for range 100 {
			waiting, err := unix.IoctlGetInt(signals, unix.TIOCINQ)
			if err != nil {
				t.Fatal(err)
			}
			if waiting > 0 && s == unix.SIGUSR1 || waiting > 1 {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	status, err := supervise(t, o)
	if err != nil || status != 42 {
		t.Errorf("status %d, %v; want 42", status, err)
	}
}

// C12: orphans become our children and are reaped.
func TestSubreaper(t *testing.T) {
	if err := Subreaper(); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	file, err := os.CreateTemp(t.TempDir(), "pids")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	// The inner shells leave orphans: two that end before init, and one that outlives it.
	o := start(t, `for d in 0 0.05 30; do sh -c "sleep $d & echo \$! >>`+file.Name()+`"; done; sleep 0.3; exit 3`, nil)
	o.ReapOrphans = true
	o.Signals = catchSignals(t)
	status, err := supervise(t, o)
	if err != nil || status != 3 {
		t.Errorf("status %d, %v; want 3", status, err)
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(data))
	if len(pids) != 3 {
		t.Fatalf("pids %q", pids)
	}
	for i, alive := range []bool{false, false, true} {
		_, err := os.Stat("/proc/" + pids[i])
		if (err == nil) != alive {
			t.Errorf("orphan %d: %v, want alive: %v", i, err, alive)
		}
	}
	pid, err := strconv.Atoi(pids[2])
	if err != nil {
		t.Fatal(err)
	}
	unix.Kill(pid, unix.SIGKILL)
	if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
		t.Errorf("the orphan was not our child: %v", err)
	}
}
