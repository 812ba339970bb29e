// Package notify passes on what a container tells the service manager that runs the runtime (sd_notify(3)).
//
// The manager's socket is on the host, and a message that names a process means one of the host. So the container gets a
// socket of the runtime's, in a directory that is mounted at Directory, and a Relay passes on what may pass.
package notify

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/fdpass"
)

// Where the container finds the socket: the place that runc has for it.
const (
	Directory = "/run/notify"
	name      = "notify.sock"
	Variable  = "NOTIFY_SOCKET=" + Directory + "/" + name
)

// barrierTimeout bounds the wait for the manager to have read what was sent, in milliseconds.
const barrierTimeout = 5000

// maxAtOnce bounds how many messages are read before anything else is looked at.
const maxAtOnce = 64

// Relay is a socket of the runtime's for the container, and a connection to the manager's.
type Relay struct {
	// Stays says that the runtime is the service's main process as long as the container lives. Else READY=1 goes with the
	// news that the container's init is.
	Stays bool

	pid     int // of the container's init
	pidfd   int
	fd      int // of the container's socket
	manager int // connected to the manager's
}

// Listen makes the socket for the container in a directory, and connects to that of the manager: an absolute path, or "@" and
// an abstract name. dirFd stays the caller's. A socket that an earlier runtime has left is replaced. pid is that of the
// container's init, which lives.
func Listen(dirFd int, managerSocket string, pid int) (*Relay, error) {
	r := &Relay{pid: pid, pidfd: -1, fd: -1, manager: -1}
	var err error
	if r.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		err = &fault.Error{Op: "pidfd_open", Err: err}
	} else if err = r.connect(managerSocket); err != nil {
		err = &fault.Error{Op: "NOTIFY_SOCKET", Path: managerSocket, Err: err, Hint: "unset it, or have the service manager make it"}
	} else if err = r.bind(dirFd); err != nil {
		err = &fault.Error{Op: "bind", Path: name, Err: err}
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Relay) connect(path string) (err error) {
	if r.manager, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	limit := unix.Timeval{Sec: barrierTimeout / 1000}
	if err := unix.SetsockoptTimeval(r.manager, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return err
	}
	switch {
	case len(path) > 1 && path[0] == '@':
		return unix.Connect(r.manager, &unix.SockaddrUnix{Name: path})
	case strings.HasPrefix(path, "/"):
		return fdpass.Connect(r.manager, path)
	}
	return fault.Text("is neither an absolute path nor @ and a name")
}

// bind makes the socket one that every user of the container may write to.
func (r *Relay) bind(dirFd int) (err error) {
	if r.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return err
	}
	if err := unix.Unlinkat(dirFd, name, 0); err != nil && err != unix.ENOENT {
		return err
	}
	if err := unix.Bind(r.fd, &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(dirFd) + "/" + name}); err != nil {
		return err
	}
	return unix.Fchmodat(dirFd, name, 0o666, 0)
}

// Fd is readable when the container has said something; it stays the relay's.
func (r *Relay) Fd() int { return r.fd }

// Close ends the relay, if there is one; what the container says later reaches nobody.
func (r *Relay) Close() {
	if r == nil {
		return
	}
	for _, fd := range []int{r.pidfd, r.fd, r.manager} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Pass passes on the messages that are there, and says whether READY=1 was among them. A manager that has gone away is none of
// the container's business.
func (r *Relay) Pass() (ready bool) {
	for range maxAtOnce {
		text, fds, err := r.receive()
		if err == unix.EAGAIN {
			break
		}
		m := parse(text)
		r.send(&m)
		if m.barrier {
			r.Barrier()
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
		ready = ready || m.ready
	}
	return ready
}

// receive returns nothing of a message that is longer than one may be, or comes with more descriptors than a barrier has.
func (r *Relay) receive() (text string, fds []int, err error) {
	var buffer [maxMessage]byte
	n, fds, err := fdpass.Recv(r.fd, buffer[:], 1)
	return string(buffer[:n]), fds, err
}

func (r *Relay) send(m *message) {
	lines := m.lines
	if m.ready && !r.Stays {
		lines = append(lines, "MAINPID="+strconv.Itoa(r.pid))
	}
	if len(lines) > 0 {
		_ = fdpass.Send(r.manager, []byte(strings.Join(lines, "\n")))
	}
}

// AwaitReady passes messages on until READY=1 is among them, or the container's init has ended. Then the manager has read
// all. It has no deadline: the manager has one for its services, and the container can have it extended.
func (r *Relay) AwaitReady() error {
	fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, {Fd: int32(r.pidfd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &fault.Error{Op: "poll", Err: err}
		}
		if r.Pass() || fds[1].Revents != 0 {
			r.Barrier()
			return nil
		}
	}
}

// Barrier waits until the manager has read everything that was sent: it closes the descriptor that comes with the message
// (sd_notify_barrier(3)). One that does not answer is not waited for long.
func (r *Relay) Barrier() {
	var ends [2]int
	if unix.Pipe2(ends[:], unix.O_CLOEXEC) != nil {
		return
	}
	defer unix.Close(ends[0])
	err := fdpass.Send(r.manager, []byte("BARRIER=1"), ends[1])
	unix.Close(ends[1])
	if err != nil {
		return
	}
	poll := []unix.PollFd{{Fd: int32(ends[0])}}
	for {
		if _, err := unix.Poll(poll, barrierTimeout); err != unix.EINTR {
			return
		}
	}
}
