package integration

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// manager is a service manager that listens for sd_notify(3).
type manager struct {
	t    *testing.T
	fd   int
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{t: t, path: filepath.Join(workspace, "manager")}
	var err error
	m.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	limit := unix.NsecToTimeval(commandTimeout.Nanoseconds())
	must(t, unix.SetsockoptTimeval(m.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	must(t, unix.Bind(m.fd, &unix.SockaddrUnix{Name: m.path}))
	t.Cleanup(func() { unix.Close(m.fd); os.Remove(m.path) })
	return m
}

func (m *manager) variable() []string { return []string{"NOTIFY_SOCKET=" + m.path} }

// hears demands these messages, in order, and lets go of barriers.
func (m *manager) hears(messages ...string) {
	m.t.Helper()
	for _, want := range messages {
		var buffer [4096]byte
		oob := make([]byte, unix.CmsgSpace(4))
		n, oobn, _, _, err := recvmsg(m.fd, buffer[:], oob, unix.MSG_CMSG_CLOEXEC)
		must(m.t, err)
		wants(m.t, "message to the manager", string(buffer[:n]), want)
		if oobn > 0 {
			controls, err := unix.ParseSocketControlMessage(oob[:oobn])
			must(m.t, err)
			fds, err := unix.ParseUnixRights(&controls[0])
			must(m.t, err)
			unix.Close(fds[0])
		}
	}
}

// telling is a container that says what its arguments are, one message each. Its logger puts a word before each message, and
// knows one place to write to.
func telling(t *testing.T, script string) *bundle {
	return newBundle(t, withArgs("sh", "-c", `
		test "$NOTIFY_SOCKET" = /run/notify/notify.sock || exit 3
		touch /run/notify/x 2>/dev/null && exit 4
		ln -s $NOTIFY_SOCKET /dev/log
		say() { busybox logger "x
$1"; }
		`+script))
}

// Q3: start returns when the container is ready, and announces its init; afterwards nothing listens, and nothing is left.
func TestNotifyStart(t *testing.T) {
	m := newManager(t)
	b := telling(t, `
		say "STATUS=half way"
		while [ ! -e /tmp/go ]; do sleep 0.01; done
		say READY=1
		sleep 600`)
	b.spec.Root.Readonly = false
	i := invocation{env: m.variable()}
	b.createWith(i)
	started := make(chan struct{})
	i.whileItRuns = func(p *os.Process) {
		m.hears("STATUS=half way")
		wants(t, "status", b.state().Status, "running")
		b.execs("true") // other verbs do not wait
		if p.Signal(unix.Signal(0)) != nil {
			t.Error("start has ended before the container was ready")
		}
		must(t, os.WriteFile(b.path("tmp/go"), nil, 0o644))
		go func() { defer close(started); m.hears("READY=1\nMAINPID="+itoa(b.pid), "BARRIER=1") }()
	}
	b.tryWith(i, "start").succeeds()
	<-started
	b.try("delete", "--force").succeeds()
	b.wait()
	b.nothingLeft()
}

// Q3: a run in the background, likewise; and a container that ends without being ready.
func TestNotifyDetached(t *testing.T) {
	m := newManager(t)
	b := telling(t, `say READY=1; sleep 600`)
	pidFile := filepath.Join(b.dir, "pid")
	heard := make(chan struct{})
	i := invocation{env: m.variable(), whileItRuns: func(*os.Process) {
		eventually(t, "the pid file", func() bool { return exists(pidFile) })
		go func() { defer close(heard); m.hears("READY=1\nMAINPID="+read(t, pidFile), "BARRIER=1") }()
	}}
	b.tryWith(i, "run", "--detach", "--pid-file", pidFile).succeeds()
	<-heard
	b.try("delete", "--force").succeeds()
	b.nothingLeft()

	silent := telling(t, "exit 0")
	go m.hears("BARRIER=1")
	silent.tryWith(invocation{env: m.variable()}, "run", "--detach").succeeds()
}

// Q3: in the foreground the runtime stays the service, and passes on all that the container has to say.
func TestNotifyForeground(t *testing.T) {
	m := newManager(t)
	b := telling(t, `say READY=1; say MAINPID=1; say WATCHDOG=1; say STOPPING=1`)
	b.tryWith(invocation{env: m.variable()}, "run").succeeds()
	m.hears("READY=1", "WATCHDOG=1", "STOPPING=1")
	b.nothingLeft()
}

// Q3: root of a user namespace reaches the socket, and so may every user of the container.
func TestNotifyUsers(t *testing.T) {
	m := newManager(t)
	b := telling(t, "say READY=1")
	withUserNamespace(b.spec)
	must(t, os.Mkdir(b.path("run"), 0o755))
	must(t, os.Chown(b.path("run"), mapped, mapped))
	b.tryWith(invocation{env: m.variable()}, "run").succeeds()
	m.hears("READY=1")

	other := newBundle(t, withUser(1000, 1000), withArgs("sh", "-c", `[ -S $NOTIFY_SOCKET -a -w $NOTIFY_SOCKET ]`))
	other.tryWith(invocation{env: m.variable()}, "run").succeeds()
}

// Q3: a manager that is not there is found before the program runs; a create without the variable has no directory.
func TestNotifyRefusals(t *testing.T) {
	b := newBundle(t, withArgs("busybox", "touch", "/ran"))
	b.spec.Root.Readonly = false
	nowhere := invocation{env: []string{"NOTIFY_SOCKET=/nowhere"}}
	b.tryWith(nowhere, "run").fails("NOTIFY_SOCKET", `"/nowhere"`, "no such file or directory", "unset it")
	b.nothingLeft()
	b.createWith(nowhere)
	b.tryWith(nowhere, "start").fails("NOTIFY_SOCKET", "/nowhere")
	wants(t, "status", b.state().Status, "created")
	if exists(b.path("ran")) {
		t.Error("the program ran")
	}
	b.try("start").succeeds() // without the variable
	b.wait()

	plain := newBundle(t).create()
	if exists(filepath.Join(stateRoot(), plain.id, "notify")) {
		t.Error("a container that nobody wants to hear of has a directory for it")
	}
	plain.tryWith(nowhere, "start").succeeds()
}
