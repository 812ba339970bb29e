package process

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// E23, E24: the numbers are the kernel's.
func TestSchedulingWords(t *testing.T) {
	for name, want := range map[string]uint32{"SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5, "SCHED_DEADLINE": 6} {
		if got, ok := SchedulingPolicy(name); !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, ok, want)
		}
	}
	for name, want := range map[string]uint64{"SCHED_FLAG_RESET_ON_FORK": 1, "SCHED_FLAG_DL_OVERRUN": 4, "SCHED_FLAG_UTIL_CLAMP_MAX": 64} {
		if got, ok := SchedulingFlag(name); !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "SCHED_NORMAL", "sched_fifo"} {
		if _, ok := SchedulingPolicy(name); ok {
			t.Errorf("%q is a policy", name)
		}
	}
}

// E23, E24.
func TestSchedule(t *testing.T) {
	for _, row := range []struct {
		name string
		step step.Scheduler
		flag uint64
	}{
		{"nice", step.Scheduler{Nice: 7}, 0},
		{"batch", step.Scheduler{Policy: 3, Nice: 3}, 0},
		{"idle", step.Scheduler{Policy: 5}, 0},
		{"reset on fork", step.Scheduler{Policy: 3, Flags: 1}, 1},
		{"round robin", step.Scheduler{Policy: 2, Priority: 9}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			onThread(t, func() {
				if err := Schedule(&row.step); err != nil {
					t.Error(err)
					return
				}
				got, err := unix.SchedGetAttr(0, 0)
				if err != nil || got.Policy != row.step.Policy || got.Nice != row.step.Nice || got.Priority != row.step.Priority || got.Flags&1 != row.flag {
					t.Errorf("attributes %+v, %v, want those of %+v", got, err, row.step)
				}
			})
		})
	}
}

func TestScheduleErrors(t *testing.T) {
	onThread(t, func() {
		err := Schedule(&step.Scheduler{Policy: 6, Runtime: 20 << 20, Deadline: 10 << 20, Period: 30 << 20})
		if text := text(err); !strings.Contains(text, "SCHED_DEADLINE") || !strings.Contains(text, "invalid argument") {
			t.Errorf("deadline below runtime: %v", err)
		}
		if err := Schedule(&step.Scheduler{Policy: 4}); err == nil {
			t.Error("SCHED_ISO was accepted; has Linux implemented it?")
		}
	})
}

// E25: the class is in the upper bits (linux/ioprio.h). The call is about a process group, so it is made in one of its own: the
// kernel answers a question about a group with the highest priority in it, and tests of other packages would be in ours.
func TestIOPriority(t *testing.T) {
	for argument, want := range map[string]string{
		"2 6": "ok 0x4006",
		"3 0": "ok 0x6000",
		"7 0": "invalid argument 0x",
	} {
		c := helperCommand("io-priority " + argument)
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if got := output(t, c); !strings.Contains(got, want) {
			t.Errorf("class and priority %s: %q, want %q", argument, got, want)
		}
	}
}

// ioPriority sets "CLASS PRIORITY", and says what the process has then.
func ioPriority(argument string) string {
	var s step.IOPriority
	if _, err := fmt.Sscan(argument, &s.Class, &s.Priority); err != nil {
		return err.Error()
	}
	err := IOPriority(&s)
	const whoProcess = 1
	got, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, whoProcess, 0, 0)
	if errno != 0 {
		return errno.Error()
	}
	return fmt.Sprintf("%s %#x", text(err), got)
}
