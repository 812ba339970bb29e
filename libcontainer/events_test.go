package libcontainer

import (
	"os/exec"
	"reflect"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/state"
)

// killed starts a process, has it watched, and kills it. Nobody reaps it before the end of the test.
func killed(t *testing.T, s *suspects) (pid int) {
	t.Helper()
	c := exec.Command("sleep", "600")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid = c.Process.Pid
	t.Cleanup(func() { c.Wait() })
	s.watch([]int{pid}, -1)
	if len(s.watched) != 1 {
		t.Fatal("the process is not watched")
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := waitExit(s.watched[pid].fd); err != nil {
		t.Fatal(err)
	}
	return pid
}

// L7: who was killed for want of memory, as far as it can be told.
func TestSuspects(t *testing.T) {
	now := time.Now()
	self := state.Process{Pid: unix.Getpid()}
	stat, err := readStat(self.Pid)
	if err != nil {
		t.Fatal(err)
	}
	self.StartTime = stat.startTime
	ending := state.Process{Pid: self.Pid, StartTime: 1} // looks like one that is gone
	byKill := death{status: unix.WaitStatus(unix.SIGKILL), known: true}

	t.Run("a child", func(t *testing.T) {
		s := &suspects{}
		defer s.close()
		s.expect(1, now)
		pid := killed(t, s)
		got := s.judge(5, self, now)
		if len(got) != 1 || got[0].Pid != pid || got[0].Total != 5 || got[0].Count != 1 || got[0].Command != "sleep" || got[0].Signal != 9 {
			t.Errorf("%+v", got)
		}
		if left := s.remainder(5); left != nil || !s.deadline.IsZero() {
			t.Errorf("still expected: %+v", left)
		}
	})
	t.Run("killed by somebody else", func(t *testing.T) {
		s := &suspects{}
		defer s.close()
		killed(t, s)
		if got := s.judge(5, self, now); got != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("killed because init is ending", func(t *testing.T) {
		s := &suspects{}
		defer s.close()
		s.expect(1, now)
		killed(t, s)
		if got := s.judge(1, ending, now); got != nil {
			t.Errorf("before init's end is known: %+v", got)
		}
		s.initDeath = &byKill
		got := s.judge(1, ending, now)
		if len(got) != 1 || got[0].Pid != ending.Pid || !s.initWasVictim {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a child, and init ended by itself right after", func(t *testing.T) {
		s := &suspects{}
		defer s.close()
		s.expect(1, now)
		pid := killed(t, s)
		s.judge(1, ending, now)
		s.initDeath = &death{known: true}
		if got := s.judge(1, ending, now); len(got) != 1 || got[0].Pid != pid || s.initWasVictim {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a child that becomes another program", func(t *testing.T) {
		s := &suspects{}
		defer s.close()
		c := exec.Command("sh", "-c", "read line; exec sleep 600")
		gate, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Wait()
		defer c.Process.Kill()
		pid := c.Process.Pid
		s.watch([]int{pid}, -1)
		gate.Close()
		for commandName(pid) != "sleep" {
			time.Sleep(time.Millisecond)
		}
		s.watch([]int{pid}, -1)
		if got := s.watched[pid].command; got != "sleep" {
			t.Errorf("it is still called %q", got)
		}
	})
	// What the kernel has forgotten looks like a descriptor that reports an end and tells nothing.
	forgotten := func(t *testing.T, s *suspects, pids ...int) {
		for _, pid := range pids {
			fds := make([]int, 2)
			if err := unix.Pipe2(fds, unix.O_CLOEXEC); err != nil {
				t.Fatal(err)
			}
			unix.Close(fds[1])
			if s.watched == nil {
				s.watched = map[int]suspect{}
			}
			s.watched[pid] = suspect{process: state.Process{Pid: pid, StartTime: 1}, fd: fds[0], command: "gone"}
		}
	}
	t.Run("a child that was reaped, before Linux 6.15", func(t *testing.T) {
		s := &suspects{}
		forgotten(t, s, 1<<22+1)
		s.expect(1, now)
		if got := s.judge(1, self, now); len(got) != 1 || got[0].Pid != 1<<22+1 || got[0].Command != "gone" || s.expected != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("more that were reaped than the kernel has killed", func(t *testing.T) {
		s := &suspects{}
		forgotten(t, s, 1<<22+1, 1<<22+2)
		s.expect(1, now)
		if got := s.judge(1, self, now); got != nil || s.expected != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("not seen", func(t *testing.T) {
		s := &suspects{}
		s.expect(2, now)
		if got := s.judge(2, self, now); got != nil {
			t.Errorf("before the deadline: %+v", got)
		}
		if got := s.judge(2, self, now.Add(victimWait)); !reflect.DeepEqual(got, []*OOMKill{{Total: 2, Count: 2}}) {
			t.Errorf("%+v", got)
		}
	})
}

func TestExitOf(t *testing.T) {
	init := state.Process{Pid: 7}
	status := func(n int) *int { return &n }
	for _, row := range []struct {
		name string
		d    death
		oom  bool
		want Exit
	}{
		{"status", death{unix.WaitStatus(3 << 8), true}, false, Exit{Pid: 7, Status: status(3), Cause: CauseExited}},
		{"signal", death{unix.WaitStatus(15), true}, false, Exit{Pid: 7, Status: status(143), Signal: 15, Cause: CauseSignal}},
		{"signal with core", death{unix.WaitStatus(11 | 0x80), true}, false, Exit{Pid: 7, Status: status(139), Signal: 11, Cause: CauseSignal}},
		{"out of memory", death{unix.WaitStatus(9), true}, true, Exit{Pid: 7, Status: status(137), Signal: 9, Cause: CauseOOM}},
		{"reaped", death{}, true, Exit{Pid: 7, Cause: CauseUnknown}},
	} {
		if got := exitOf(init, row.d, row.oom); !reflect.DeepEqual(*got, row.want) {
			t.Errorf("%s: got %+v, want %+v", row.name, *got, row.want)
		}
	}
}

func TestParseNetDev(t *testing.T) {
	const head = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	got, ok := parseNetDev(head + "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n  eth0: 11 12 13 14 0 0 0 0 21 22 23 24 0 0 0 0\na:b:18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
	want := []NetworkInterface{
		{Name: "eth0", RxBytes: 11, RxPackets: 12, RxErrors: 13, RxDropped: 14, TxBytes: 21, TxPackets: 22, TxErrors: 23, TxDropped: 24},
		{Name: "a:b", RxBytes: 1<<64 - 1},
	}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"eth0 1 2\n", "eth0: 1 2\n", "eth0: a 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"} {
		if got, ok := parseNetDev(head + bad); ok {
			t.Errorf("%q is accepted as %+v", bad, got)
		}
	}
}

func FuzzParseNetDev(f *testing.F) {
	f.Add("x\ny\n  eth0: 11 12 13 14 0 0 0 0 21 22 23 24 0 0 0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if list, ok := parseNetDev(text); ok && list == nil {
			t.Error("no array")
		}
	})
}
