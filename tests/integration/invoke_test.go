package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// invocation is one run of the binary.
type invocation struct {
	dir         string   // working directory
	args        []string // after --root
	env         []string // added to ours
	exact       bool     // args and env are the whole command line and environment
	name        string   // what the binary is called by, if not by its path
	stdin       *os.File
	terminal    *os.File          // all three streams, and the controlling terminal
	limitMemory uint64            // RLIMIT_DATA; 0 for none
	extra       []*os.File        // descriptors 3 and on; nil is a closed one
	groups      []uint32          // supplementary groups of the caller; nil for ours
	whileItRuns func(*os.Process) // called when it has been started
}

// result is how an invocation ended.
type result struct {
	t              *testing.T
	args           []string
	stdout, stderr string // what had been written when it ended
	stdoutFile     string // a container that was created goes on writing there
	status         int
}

// commandTimeout ends an invocation that hangs, and with it the test; no working one comes near it.
const commandTimeout = 2 * time.Minute

// invoke runs the binary. Its streams are files: with pipes the end of create would not be the end of its output, which
// the container inherits.
func invoke(t *testing.T, i invocation) result {
	t.Helper()
	dir := t.TempDir()
	stdout, stderr := create(t, filepath.Join(dir, "stdout")), create(t, filepath.Join(dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	c := exec.Command(tare, append([]string{"--root", stateRoot()}, i.args...)...)
	c.Dir, c.Stdout, c.Stderr, c.ExtraFiles = i.dir, stdout, stderr, i.extra
	c.Env = append(os.Environ(), i.env...)
	if i.exact {
		c.Args, c.Env = append([]string{tare}, i.args...), append([]string{}, i.env...)
	}
	if i.name != "" {
		c.Args[0] = i.name
	}
	if i.stdin != nil {
		c.Stdin = i.stdin
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to a process group that is none of its business shows so
	if i.terminal != nil {
		c.Stdin, c.Stdout, c.Stderr = i.terminal, i.terminal, i.terminal
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	if i.groups != nil {
		c.SysProcAttr.Credential = &syscall.Credential{Groups: i.groups}
	}
	must(t, c.Start())
	if i.limitMemory > 0 { // which the kernel checks when memory is asked for
		limit := unix.Rlimit{Cur: i.limitMemory, Max: i.limitMemory}
		_ = unix.Prlimit(c.Process.Pid, unix.RLIMIT_DATA, &limit, nil) // it may be over already
	}
	timeout := time.AfterFunc(commandTimeout, func() { c.Process.Kill() })
	if i.whileItRuns != nil {
		i.whileItRuns(c.Process)
	}
	err := c.Wait()
	if !timeout.Stop() {
		t.Fatalf("tare %s: still running after %v; stderr: %s", strings.Join(i.args, " "), commandTimeout, read(t, stderr.Name()))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("tare %s: %v", strings.Join(i.args, " "), err)
	} else if ok && exit.Sys() != nil && !exit.Exited() {
		t.Fatalf("tare %s: %v; stderr: %s", strings.Join(i.args, " "), err, read(t, stderr.Name()))
	}
	return result{
		t: t, args: i.args, status: c.ProcessState.ExitCode(),
		stdout: read(t, stdout.Name()), stderr: read(t, stderr.Name()), stdoutFile: stdout.Name(),
	}
}

// run is invoke with nothing but arguments.
func run(t *testing.T, args ...string) result {
	t.Helper()
	return invoke(t, invocation{args: args})
}

func (r result) String() string {
	return fmt.Sprintf("tare %s: status %d, stdout %q, stderr %q", strings.Join(r.args, " "), r.status, r.stdout, r.stderr)
}

// succeeds demands status 0.
func (r result) succeeds() result {
	r.t.Helper()
	if r.status != 0 {
		r.t.Fatal(r)
	}
	return r
}

// fails demands status 1 and one line of error that contains the fragments (B13: 1 for our own errors).
func (r result) fails(fragments ...string) result {
	r.t.Helper()
	if r.status != 1 {
		r.t.Fatalf("%v, want status 1", r)
	}
	message := r.message()
	for _, f := range fragments {
		if !strings.Contains(message, f) {
			r.t.Errorf("message %q lacks %q", message, f)
		}
	}
	return r
}

// message is the text of the last line that was logged to stderr.
func (r result) message() string {
	r.t.Helper()
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	line := lines[len(lines)-1]
	_, quoted, ok := strings.Cut(line, " level=error msg=")
	message, err := strconv.Unquote(quoted)
	if !ok || err != nil {
		r.t.Fatalf("%v: the last line of stderr is no error in text form", r)
	}
	return message
}

// container is the state that `state` and `list` print.
type container struct {
	OCIVersion  string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations"`
	Owner       string            `json:"owner"`
	Unit        string            `json:"unit"`
	Overlay     string            `json:"overlay"`
}

// decode reads the output as JSON.
func (r result) decode(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.succeeds().stdout), v); err != nil {
		r.t.Fatalf("%v: %v", r, err)
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(commandTimeout); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", commandTimeout, what)
		}
	}
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}
