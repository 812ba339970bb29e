package process

import (
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// E28: signals that the caller ignores or blocks do not reach the program. The first row shows that they would.
func TestResetSignals(t *testing.T) {
	const stop = 1<<(unix.SIGTSTP-1) | 1<<(unix.SIGTTIN-1)
	for _, tc := range []struct {
		name, what       string
		ignored, blocked uint64
	}{
		{"as the Go runtime leaves them", "signals keep", 1<<(unix.SIGHUP-1) | 1<<(unix.SIGINT-1) | stop, 1 << (unix.SIGUSR2 - 1)},
		{"reset", "signals reset", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := exec.Command("/bin/sh", "-c", `trap "" HUP INT TSTP TTIN USR1; exec "$0"`, "/proc/self/exe")
			c.Args[len(c.Args)-1] = testBinary(t)
			c.Env = []string{helper + "=" + tc.what}
			out := output(t, c)
			for field, want := range map[string]uint64{"SigIgn": tc.ignored, "SigBlk": tc.blocked} {
				got, err := strconv.ParseUint(statusField(out, field), 16, 64)
				if want != 0 {
					got &= want // the caller of the test may ignore more
				}
				if err != nil || got != want {
					t.Errorf("%s = %#x, %v; want %#x", field, got, err, want)
				}
			}
		})
	}
}

// E27.
func TestResetAffinity(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one processor: there is nothing to reset")
	}
	onThread(t, func() {
		var all, one, now unix.CPUSet
		if err := unix.SchedGetaffinity(0, &all); err != nil {
			t.Error(err)
		}
		for cpu := 0; one.Count() == 0; cpu++ {
			if all.IsSet(cpu) {
				one.Set(cpu)
			}
		}
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Error(err)
		}
		if err := ResetAffinity(); err != nil {
			t.Error(err)
		}
		if err := unix.SchedGetaffinity(0, &now); err != nil || now.Count() < all.Count() {
			t.Errorf("%d processors, %v; want %d", now.Count(), err, all.Count())
		}
	})
}
