//go:build cgo

package seccomp

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/sys"
)

const probeName = "seccomp-probe"

// probeOrder is what a probe does: load the filter, then make system calls, or execute a program.
type probeOrder struct {
	Filter []byte
	Flags  uint32
	Calls  []probeCall
	Exec   []string
	Thread bool // on a thread of its own, while the main thread watches whether that one lives
}

type probeCall struct {
	Number uintptr
	Args   [6]uintptr
}

// probeResult is the errno of each call; Died says that the thread was gone before it could report them.
type probeResult struct {
	Errnos []unix.Errno
	Died   bool
}

// probe carries an order out in this process.
func probe(in io.Reader, out io.Writer) error {
	debug.SetGCPercent(-1) // a collection would wait for a thread that the filter has killed
	var order probeOrder
	if err := json.NewDecoder(in).Decode(&order); err != nil {
		return err
	}
	runtime.LockOSThread()
	if !order.Thread {
		errnos, err := order.run()
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(probeResult{Errnos: errnos})
	}
	tid := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		tid <- unix.Gettid()
		_, _ = order.run()
		select {}
	}()
	return json.NewEncoder(out).Encode(probeResult{Died: diesSoon(<-tid)})
}

func (order *probeOrder) run() ([]unix.Errno, error) {
	errnos := make([]unix.Errno, len(order.Calls))
	var argv []string
	if len(order.Exec) > 0 {
		argv = order.Exec
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	if err := sys.SeccompLoad(order.Filter, order.Flags); err != nil {
		return nil, err
	}
	if argv != nil {
		return nil, unix.Exec(argv[0], argv, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"})
	}
	for i, c := range order.Calls {
		_, _, errnos[i] = unix.RawSyscall6(c.Number, c.Args[0], c.Args[1], c.Args[2], c.Args[3], c.Args[4], c.Args[5])
	}
	return errnos, nil
}

// diesSoon watches a thread for at most two seconds.
func diesSoon(tid int) bool {
	for range 200 {
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid)); err != nil {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// startProbe compiles the profile and runs a probe with it.
func startProbe(t *testing.T, profile *specs.LinuxSeccomp, order probeOrder) (stdout []byte, stderr string, err error) {
	t.Helper()
	program, err := Compile(profile, t.TempDir()+"/cache")
	if err != nil {
		t.Fatal(err)
	}
	order.Filter, order.Flags = program.Filter, program.Flags
	text, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{probeName}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &errOut
	err = cmd.Run()
	return out.Bytes(), errOut.String(), err
}

// mustProbe returns what a probe that is to survive reports.
func mustProbe(t *testing.T, profile *specs.LinuxSeccomp, order probeOrder) probeResult {
	t.Helper()
	stdout, stderr, err := startProbe(t, profile, order)
	if err != nil {
		t.Fatalf("probe: %v: %s", err, stderr)
	}
	var result probeResult
	if err := json.Unmarshal(stdout, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func exitOn(err error) {
	exitIf(err)
	os.Exit(0)
}

func exitIf(err error) {
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}
