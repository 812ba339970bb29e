package integration

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The verbs, for the container of a bundle. Those that must succeed end the test if they do not; try is for the others.

// try runs a verb with flags, for this container, from the bundle directory.
func (b *bundle) try(verb string, flags ...string) result {
	b.t.Helper()
	return b.tryWith(invocation{}, verb, flags...)
}

func (b *bundle) tryWith(i invocation, verb string, flags ...string) result {
	b.t.Helper()
	if verb == "create" || verb == "run" {
		b.writeConfig()
	}
	i.dir = b.dir
	i.args = append(append(append(i.args, verb), flags...), b.id)
	return invoke(b.t, i)
}

// create creates the container, whose output goes to the file b.stdout.
func (b *bundle) create(flags ...string) *bundle {
	b.t.Helper()
	return b.createWith(invocation{}, flags...)
}

func (b *bundle) createWith(i invocation, flags ...string) *bundle {
	b.t.Helper()
	pidFile := filepath.Join(b.dir, "pid")
	b.stdout = b.tryWith(i, "create", append([]string{"--pid-file", pidFile}, flags...)...).succeeds().stdoutFile
	b.pid = atoi(b.t, read(b.t, pidFile))
	inits[b.pid] = true
	return b
}

func (b *bundle) start() *bundle {
	b.t.Helper()
	b.try("start").succeeds()
	return b
}

func (b *bundle) state() container {
	b.t.Helper()
	var c container
	b.try("state").decode(&c)
	return c
}

func (b *bundle) kill(signal string) {
	b.t.Helper()
	invoke(b.t, invocation{args: []string{"kill", b.id, signal}}).succeeds()
}

// wait reaps the init process, as its parent, and returns how it ended.
func (b *bundle) wait() syscall.WaitStatus {
	b.t.Helper()
	var status syscall.WaitStatus
	eventually(b.t, "the init process has ended", func() bool {
		pid, err := syscall.Wait4(b.pid, &status, syscall.WNOHANG, nil)
		if err != nil {
			b.t.Fatalf("wait for %d: %v", b.pid, err)
		}
		return pid == b.pid
	})
	delete(inits, b.pid)
	return status
}

// stop ends the container, which stays to be deleted.
func (b *bundle) stop() {
	b.t.Helper()
	b.kill("KILL")
	b.wait()
}

// printed waits until the created container has written a line to its stdout, and returns all of that.
func (b *bundle) printed() string {
	b.t.Helper()
	eventually(b.t, "the container has printed a line", func() bool { return strings.HasSuffix(read(b.t, b.stdout), "\n") })
	return strings.TrimSuffix(read(b.t, b.stdout), "\n")
}

// output runs the container in the foreground and returns what it wrote to its stdout; it must end with status 0.
func (b *bundle) output(flags ...string) string {
	b.t.Helper()
	return strings.TrimSuffix(b.try("run", flags...).succeeds().stdout, "\n")
}

// namespace is what the kernel calls the namespace of a kind ("pid", "mnt") of the init process.
func (b *bundle) namespace(kind string) string {
	b.t.Helper()
	return readlink(b.t, "/proc/"+itoa(b.pid)+"/ns/"+kind)
}

// wants compares what a container has printed.
func wants(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func readlink(t *testing.T, path string) string {
	t.Helper()
	var buf [unix.PathMax]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		t.Fatalf("readlink %s: %v", path, err)
	}
	return string(buf[:n])
}
