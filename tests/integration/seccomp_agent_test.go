package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// agent is a seccomp agent: it takes one listener and answers what it is asked (seccomp_unotify(2)).
type agent struct {
	t      *testing.T
	socket *socket
	stopFd int // closed by stop; the serving goroutine polls the other end
	done   chan struct{}

	answer func(*notification) response

	// What it has got; read after stop.
	state   specs.ContainerProcessState
	payload string
	asked   map[int32]int // how often, by number of the system call
}

// notification and response are struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

const (
	notifyReceive = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifySend    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	flagContinue  = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// Numbers that amd64 alone has; other architectures only have the calls relative to a directory.
const oldMkdir, oldMknod = 83, 133

// newAgent starts an agent on a socket in the bundle's directory.
func newAgent(t *testing.T, b *bundle, answer func(*notification) response) *agent {
	t.Helper()
	var pipe [2]int
	must(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	a := &agent{t: t, socket: listen(t, filepath.Join(b.dir, "agent")), stopFd: pipe[1], answer: answer, done: make(chan struct{}), asked: map[int32]int{}}
	go a.serve(pipe[0])
	t.Cleanup(a.stop)
	return a
}

// stop ends the agent, whose fields may be read from then on.
func (a *agent) stop() {
	if a.stopFd >= 0 {
		unix.Close(a.stopFd)
		a.stopFd = -1
		<-a.done
	}
}

func (a *agent) serve(stopFd int) {
	defer close(a.done)
	defer unix.Close(stopFd)
	if !readable(a.socket.fd, stopFd) {
		return
	}
	listenerFd := a.accept()
	if listenerFd < 0 {
		return
	}
	defer unix.Close(listenerFd)
	for readable(listenerFd, stopFd) {
		var asked notification
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listenerFd), notifyReceive, uintptr(unsafe.Pointer(&asked))); errno != 0 {
			if errno == unix.ENOENT || errno == unix.EINTR { // who asked has been killed
				continue
			}
			return
		}
		a.asked[asked.nr]++
		answer := a.answer(&asked)
		answer.id = asked.id
		unix.Syscall(unix.SYS_IOCTL, uintptr(listenerFd), notifySend, uintptr(unsafe.Pointer(&answer)))
	}
}

// readable waits until fd can be read, and says whether that comes before the end.
func readable(fd, stopFd int) bool {
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(stopFd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err == unix.EINTR {
			continue
		}
		return poll[1].Revents == 0 && poll[0].Revents&unix.POLLIN != 0
	}
}

// accept receives the container process state to its end, and the descriptor that comes with its first byte.
func (a *agent) accept() int {
	conn, _, err := unix.Accept4(a.socket.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		a.t.Errorf("accept: %v", err)
		return -1
	}
	defer unix.Close(conn)
	listenerFd, text := -1, []byte(nil)
	for {
		data, control := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*8))
		n, controlLength, _, _, err := recvmsg(conn, data, control, unix.MSG_CMSG_CLOEXEC)
		if err != nil || n == 0 {
			break
		}
		text = append(text, data[:n]...)
		messages, _ := unix.ParseSocketControlMessage(control[:controlLength])
		for i := range messages {
			fds, err := unix.ParseUnixRights(&messages[i])
			if err != nil || len(fds) != 1 || len(text) != n {
				a.t.Errorf("descriptors %v, %v after %d bytes, want one with the first", fds, err, len(text)-n)
				continue
			}
			listenerFd = fds[0]
		}
	}
	a.payload = string(text)
	if err := json.Unmarshal(text, &a.state); err != nil {
		a.t.Errorf("state %q: %v", text, err)
	}
	return listenerFd
}

// goOn lets the system call happen.
func goOn(*notification) response { return response{flags: flagContinue} }

// notifyProfile asks the agent about some system calls.
func notifyProfile(b *bundle, names ...string) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, ListenerPath: filepath.Join(b.dir, "agent"), ListenerMetadata: `{"who": "the agent"}`,
		Syscalls: []specs.LinuxSyscall{syscallRule(specs.ActNotify, nil, names...)},
	}
}

// makesNode is an agent that forbids mkdir in words that no file system uses, and makes device nodes for a container that
// may not.
func makesNode(asked *notification) response {
	switch asked.nr {
	case unix.SYS_MKDIRAT, oldMkdir:
		return response{errno: -int32(unix.ENOMEDIUM)}
	case unix.SYS_MKNODAT, oldMknod:
		node := "/proc/" + itoa(int(asked.pid)) + "/root/node"
		if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
			return response{errno: -int32(unix.EIO)}
		}
		return response{}
	}
	return response{flags: flagContinue}
}

// O11 O12 O14: an agent answers mkdir and mknod for a container, which is told apart by its state and metadata. The filter is
// loaded in another place with no_new_privs and without it, and by create where there are startContainer hooks.
func TestSeccompNotify(t *testing.T) {
	const script = "exec 2>&1; mkdir /x; mknod /node c 1 3 && stat -c %t:%T /node"
	for _, row := range []struct {
		name       string
		noNewPrivs bool
		hooks      *specs.Hooks
		status     specs.ContainerState
	}{
		{"no_new_privs", true, nil, specs.StateCreated},
		{"privileged filter", false, nil, specs.StateCreated},
		{"hooks under no_new_privs", true, &specs.Hooks{StartContainer: []specs.Hook{shellHook("true")}}, specs.StateCreated},
		{"hooks under a filter", false, &specs.Hooks{StartContainer: []specs.Hook{shellHook("true")}}, specs.StateCreating},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withSeccomp(t, specs.LinuxSeccomp{}), withShell(script))
			b.spec.Linux.Seccomp = notifyProfile(b, "mkdir", "mkdirat", "mknod", "mknodat")
			b.spec.Process.NoNewPrivileges, b.spec.Hooks = row.noNewPrivs, row.hooks
			a := newAgent(t, b, makesNode)
			b.create()
			b.start()
			b.wait()
			a.stop()
			wants(t, "output", read(t, b.stdout), "mkdir: can't create directory '/x': No medium found\n1:3\n")
			if a.state.State.ID != b.id || a.state.Pid != b.pid || a.state.State.Pid != b.pid || a.state.State.Status != row.status ||
				a.state.Metadata != `{"who": "the agent"}` || len(a.state.Fds) != 1 || a.state.Fds[0] != specs.SeccompFdName {
				t.Errorf("state %s, want that of %s with pid %d, %s", a.payload, b.id, b.pid, row.status)
			}
		})
	}
}

// O13: every system call may be asked about, the one that executes the program too, and those of init after its filter.
func TestSeccompNotifyByDefault(t *testing.T) {
	for _, noNewPrivs := range []bool{true, false} {
		b := newBundle(t, withSeccomp(t, specs.LinuxSeccomp{}), withUser(1000, 1000), withShell("echo hello"))
		b.spec.Process.NoNewPrivileges = noNewPrivs
		b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: filepath.Join(b.dir, "agent")}
		a := newAgent(t, b, goOn)
		wants(t, "output", b.output(), "hello")
		a.stop()
		if a.asked[unix.SYS_EXECVE] == 0 || (a.asked[unix.SYS_SETRESUID] == 0) == !noNewPrivs {
			t.Errorf("no_new_privs %v: asked about %v", noNewPrivs, a.asked)
		}
	}
}

// O13 D15: the same for an exec, whose filter asks about everything that is left of it; and without the agent there is none.
func TestExecNotifyByDefault(t *testing.T) {
	for _, noNewPrivs := range []bool{true, false} {
		b := newBundle(t, withSeccomp(t, specs.LinuxSeccomp{}), withUser(1000, 1000))
		b.spec.Process.NoNewPrivileges = noNewPrivs
		b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: filepath.Join(b.dir, "agent")}
		a := newAgent(t, b, goOn)
		b.create() // and not started: its own filter would need an agent for as long as it runs
		wants(t, "output", b.execs("echo hello"), "hello")
		a.stop()
		if a.asked[unix.SYS_EXECVE] == 0 {
			t.Errorf("no_new_privs %v: asked about %v", noNewPrivs, a.asked)
		}
		must(t, os.Remove(filepath.Join(b.dir, "agent")))
		b.exec(nil, "true").refuses("/linux/seccomp/listenerPath", "seccomp agent", "no such file or directory")
	}
}

// O11: without the agent there is no container.
func TestSeccompAgentMissing(t *testing.T) {
	b := newBundle(t, withSeccomp(t, specs.LinuxSeccomp{}))
	b.spec.Linux.Seccomp = notifyProfile(b, "mkdir")
	b.try("create").fails("/linux/seccomp/listenerPath", "seccomp agent", "no such file or directory")
	b.nothingLeft()

	// A socket that nobody listens on: found out at start, which leaves nothing running.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Join(b.dir, "agent")}))
	unix.Close(fd)
	b.try("run").fails("/linux/seccomp/listenerPath", "seccomp agent", "connection refused", "no process listens")
	b.nothingLeft()
	b.create()
	b.try("start").fails("/linux/seccomp/listenerPath", "connection refused")
	b.wait()
	wants(t, "status", b.state().Status, "stopped")
}

// O12: a listenerPath that no action uses is ignored.
func TestSeccompAgentUnused(t *testing.T) {
	b := newBundle(t, withShell("echo hello"), withSeccomp(t, specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/nosuch/agent", ListenerMetadata: "x"}))
	wants(t, "output", b.output(), "hello")
}
