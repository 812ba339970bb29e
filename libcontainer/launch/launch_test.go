package launch

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/wire"
)

// The test binary takes the place of init, which must be static: it has no open files left to find libraries with. It does
// what the first message says: "exit 3", or anything else to sit still until it is killed.
func TestMain(m *testing.M) {
	number := os.Getenv(wire.Variable)
	if number == "" {
		os.Exit(m.Run())
	}
	fd, _ := strconv.Atoi(number)
	message, _, _ := (&wire.Conn{Fd: fd}).Recv()
	if w, ok := message.(*wire.Warning); ok && strings.HasPrefix(w.Text, "exit ") {
		status, _ := strconv.Atoi(w.Text[len("exit "):])
		os.Exit(status)
	}
	unix.Pause()
}

// begun is a process made by Start, told what to do.
func begun(t *testing.T, order string, namespaces ...Namespace) *Process {
	t.Helper()
	p, err := Start(&Options{Image: image(t, "/proc/self/exe"), CgroupFd: -1, Namespaces: namespaces})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.conn.Send(&wire.Warning{Text: order}); err != nil {
		t.Fatal(err)
	}
	return p
}

func image(t *testing.T, path string) Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return Image{Fd: int(f.Fd())}
}

func childless(t *testing.T) {
	t.Helper()
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// What the kernel says of a cgroup is followed by what to do, and only where a cgroup was to be entered.
func TestCloneErrorHints(t *testing.T) {
	for _, row := range []struct {
		errno  unix.Errno
		cgroup int
		flags  uint64
		want   string
	}{
		{unix.EACCES, 5, 0, "delegated together with it"},
		{unix.EPERM, 5, 0, "seccomp filter of the caller"},
		{unix.EPERM, 5, unix.CLONE_NEWNET, "needs CAP_SYS_ADMIN"},
		{unix.ENOENT, 5, 0, "nsdelegate"},
		{unix.ENODEV, 5, 0, "has been removed"},
		{unix.EBUSY, 5, 0, "controllers enabled"},
		{unix.EACCES, -1, 0, ""},
		{unix.ENOENT, -1, 0, ""},
	} {
		c := &rawChild{childResult: &childResult{}}
		c.errno, c.stage = row.errno, stageClone
		err := cloneError(c, &Options{CgroupFd: row.cgroup, CloneFlags: row.flags})
		if !errors.Is(err, row.errno) || !strings.Contains(err.Error(), row.want) || row.want == "" && strings.Contains(err.Error(), ";") {
			t.Errorf("%v with cgroup %d and flags %#x: %v, want %q", row.errno, row.cgroup, row.flags, err, row.want)
		}
	}
}

// The child reports through shared memory which of its calls the kernel refused, and is gone.
func TestStartReportsWhatWasRefused(t *testing.T) {
	_, err := Start(&Options{Image: image(t, "/dev/null"), CgroupFd: -1})
	if !errors.Is(err, unix.EACCES) || !strings.HasPrefix(err.Error(), "execveat ") {
		t.Errorf("got %v", err)
	}
	_, err = Start(&Options{Image: image(t, "/bin/true"), CgroupFd: int(image(t, "/dev/null").Fd)})
	if err == nil || !strings.HasPrefix(err.Error(), "clone3 ") {
		t.Errorf("a cgroup that is none: %v", err)
	}
	childless(t)
}

// An init that ends without a word is explained by its exit status, at once.
func TestAwaitExplainsDeath(t *testing.T) {
	for _, status := range []string{"0", "7", "2; it needs a few threads"} {
		code, _, _ := strings.Cut(status, ";")
		err := begun(t, "exit "+code).Await(&Handlers{}, 10_000)
		if err == nil || !strings.HasSuffix(strings.Split(err.Error(), ", which")[0], "exited with status "+status) {
			t.Errorf("status %s: %v", status, err)
		}
	}
	childless(t)
}

// A silent init is not waited for beyond the deadline, and Abort leaves nothing of it.
func TestAwaitEndsAtTheDeadline(t *testing.T) {
	p := begun(t, "sit still")
	if err := p.Await(&Handlers{}, 50); err == nil || !strings.Contains(err.Error(), "timed out") {
		t.Errorf("got %v", err)
	}
	p.Abort()
	childless(t)
}

// W3: messages that only the runtime sends are refused from init.
func TestAwaitRefusesAWrongMessage(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	peer := wire.Conn{Fd: fds[1]}
	defer peer.Close()
	p := &Process{conn: wire.Conn{Fd: fds[0]}, Pidfd: -1}
	defer p.conn.Close()
	if err := peer.Send(&wire.Start{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Await(&Handlers{}, 1000); err != errUnexpected {
		t.Errorf("got %v", err)
	}
}

// G5: what is joined is opened and identified before anything is entered.
func TestOpenNamespacesRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		n    Namespace
		want string
	}{
		"missing":    {Namespace{unix.CLONE_NEWNET, "/proc/self/ns/none", "/p"}, "no such file or directory"},
		"other type": {Namespace{unix.CLONE_NEWNET, "/proc/self/ns/uts", "/p"}, "it is a uts namespace, not a network namespace"},
		"no type":    {Namespace{unix.CLONE_NEWNET, "/dev/null", "/p"}, "must be a namespace file"},
	} {
		if _, err := openNamespaces([]Namespace{row.n}, nil); err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "config.json /p: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pid namespace that is joined takes a second clone; the process that counts is our child, and inside.
func TestStartInAJoinedPidNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("joining a pid namespace needs root")
	}
	holder := exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "echo; read x")
	in, _ := holder.StdinPipe()
	out, _ := holder.StdoutPipe()
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer in.Close()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	path := "/proc/" + strings.TrimSpace(readFile(t, "/proc/"+itoa(holder.Process.Pid)+"/task/"+itoa(holder.Process.Pid)+"/children")) + "/ns/pid"
	want, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	p := begun(t, "sit still", Namespace{unix.CLONE_NEWPID, path, "/p"})
	defer p.Abort()
	if got, err := os.Readlink("/proc/" + itoa(p.Pid) + "/ns/pid"); err != nil || got != want {
		t.Errorf("in %s, %v; want %s", got, err, want)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func itoa(n int) string { return strconv.Itoa(n) }
