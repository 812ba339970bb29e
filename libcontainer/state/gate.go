package state

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// gate is the name of the listening socket that init waits on. A sockaddr holds 108 bytes, a state directory's path may
// be longer, so the socket is bound and reached through the descriptor of the directory.
const gate = "start"

// ListenGate makes the start gate. The descriptor is the caller's; init gets a copy of it.
func (d *Dir) ListenGate() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &fault.Error{Op: "socket", Err: err}
	}
	if err = unix.Bind(fd, d.gateAddress()); err == nil {
		err = unix.Listen(fd, 4)
	}
	if err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "listen", Path: d.path(gate), Err: err}
	}
	return fd, nil
}

// DialGate connects to the start gate. The descriptor is the caller's. ECONNREFUSED means that nobody waits there.
func (d *Dir) DialGate() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &fault.Error{Op: "socket", Err: err}
	}
	if err := unix.Connect(fd, d.gateAddress()); err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "connect", Path: d.path(gate), Err: err}
	}
	return fd, nil
}

// RemoveGate takes the gate's name away once the program runs.
func (d *Dir) RemoveGate() { unix.Unlinkat(d.fd, gate, 0) }

func (d *Dir) gateAddress() *unix.SockaddrUnix {
	return &unix.SockaddrUnix{Name: "/proc/self/fd/" + strconv.Itoa(d.fd) + "/" + gate}
}
