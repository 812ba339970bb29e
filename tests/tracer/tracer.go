// Package tracer runs a program and all that it starts under ptrace(2), and asks at each system call what shall become of
// it: nothing, an error instead of the call, or the end of the process.
//
// It is how the tests make faults: from outside, in the binary that is shipped. The kernel gives the program what it would
// have given at a bad moment, and no line of the program knows.
package tracer

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Call is one system call that a process is about to make.
type Call struct {
	Pid    int // the process, not the thread
	Order  int // of the process: 0 for the program, 1 for the first process that it started, and so on
	Number uint64
	Args   [6]uint64
}

// Verdict says what becomes of a call. The zero value lets it happen.
type Verdict struct {
	Errno syscall.Errno // the call fails with this, and has no effect
	Kill  bool          // the process gets SIGKILL, and the call does not happen
}

// Result is how the program ended.
type Result struct {
	Status syscall.WaitStatus
	Hung   bool // it had to be killed at the deadline
}

// Run starts the command and returns when its process has ended. Others that it has started and that still run are let go.
// The command's streams must be files: nothing waits for pipes.
func Run(c *exec.Cmd, deadline time.Duration, decide func(*Call) Verdict) (Result, error) {
	runtime.LockOSThread() // ptrace belongs to the thread
	defer runtime.UnlockOSThread()
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Ptrace = true
	if err := c.Start(); err != nil {
		return Result{}, err
	}
	t := &tracer{main: c.Process.Pid, decide: decide, threads: map[int]*thread{}, orders: map[int]int{}}
	watchdog := time.AfterFunc(deadline, func() { t.kill(t.main) })
	err := t.trace()
	hung := !watchdog.Stop()
	_ = c.Process.Release() // trace has waited for it
	return Result{Status: t.status, Hung: hung}, err
}

// thread is what the tracer remembers of one.
type thread struct {
	pid     int  // of its process
	begun   bool // its first stop is over
	entered bool
	fault   syscall.Errno // what the call it is in shall return
}

type tracer struct {
	main    int
	decide  func(*Call) Verdict
	threads map[int]*thread
	orders  map[int]int // of processes, by pid
	status  syscall.WaitStatus
}

func (t *tracer) kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) } // it may be gone

// trace lets everything run from stop to stop until the program has ended.
func (t *tracer) trace() error {
	var ws syscall.WaitStatus
	if _, err := wait(t.main, &ws); err != nil {
		return err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC
	if err := syscall.PtraceSetOptions(t.main, options); err != nil {
		return err
	}
	t.thread(t.main).begun = true
	resume(t.main, 0)
	for {
		tid, err := wait(-1, &ws)
		if err != nil {
			return err
		}
		switch {
		case ws.Stopped():
			resume(tid, t.stopped(tid, ws))
		case tid == t.main:
			t.status = ws
			return t.letGo()
		default:
			delete(t.threads, tid)
		}
	}
}

// thread is what is known of a thread; a new one becomes known.
func (t *tracer) thread(tid int) *thread {
	th := t.threads[tid]
	if th == nil {
		th = &thread{pid: processOf(tid)}
		t.threads[tid] = th
		if _, known := t.orders[th.pid]; !known {
			t.orders[th.pid] = len(t.orders)
		}
	}
	return th
}

// stopped handles one stop, and returns the signal that the thread shall get.
func (t *tracer) stopped(tid int, ws syscall.WaitStatus) syscall.Signal {
	th := t.thread(tid)
	first := !th.begun
	th.begun = true
	switch signal := ws.StopSignal(); {
	case signal == syscall.SIGTRAP|0x80:
		t.call(tid, th)
		return 0
	case signal == syscall.SIGTRAP && ws>>16 != 0: // an event
		if ws>>16 != unix.PTRACE_EVENT_EXEC {
			if child, err := syscall.PtraceGetEventMsg(tid); err == nil {
				t.thread(int(child)) // its first stop may come before or after this one
			}
		}
		return 0
	case signal == syscall.SIGSTOP && first: // how a new thread begins
		return 0
	default:
		return signal
	}
}

func (t *tracer) call(tid int, th *thread) {
	th.entered = !th.entered
	if !th.entered {
		if th.fault != 0 {
			setResult(tid, -int64(th.fault))
			th.fault = 0
		}
		return
	}
	c := &Call{Pid: th.pid, Order: t.orders[th.pid]}
	if !c.read(tid) {
		return // it has just been killed
	}
	switch v := t.decide(c); {
	case v.Kill:
		t.kill(th.pid)
	case v.Errno != 0:
		th.fault = v.Errno
		skipCall(tid)
	}
}

// letGo detaches from everything that goes on. A thread has to be stopped for that; the stop is kept from it.
func (t *tracer) letGo() error {
	delete(t.threads, t.main)
	for tid, th := range t.threads {
		if th.begun { // else it is about to stop by itself
			_ = syscall.Tgkill(th.pid, tid, syscall.SIGSTOP) // it may be gone; then its end is still to be waited for
		}
	}
	for len(t.threads) > 0 {
		var ws syscall.WaitStatus
		tid, err := wait(-1, &ws)
		if err == syscall.ECHILD {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case !ws.Stopped():
			delete(t.threads, tid)
		case ws.StopSignal() == syscall.SIGSTOP:
			_ = syscall.PtraceDetach(tid)
			delete(t.threads, tid)
		default:
			resume(tid, t.stopped(tid, ws))
		}
	}
	return nil
}

// resume continues a thread up to its next system call. It may have been killed while it stood.
func resume(tid int, signal syscall.Signal) { _ = syscall.PtraceSyscall(tid, int(signal)) }

// wait waits for children of this thread alone: other tests have theirs.
func wait(pid int, ws *syscall.WaitStatus) (int, error) {
	for {
		got, err := syscall.Wait4(pid, ws, unix.WALL|unix.WNOTHREAD, nil)
		if !errors.Is(err, syscall.EINTR) {
			return got, err
		}
	}
}

// processOf is the process that a thread belongs to; the thread itself where it has just ended.
func processOf(tid int) int {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Tgid:"); ok {
			if pid, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				return pid
			}
		}
	}
	return tid
}
