package process

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Hostname sets the node name of the UTS namespace, which must be the container's own.
func Hostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return &fault.Error{Op: "sethostname", Path: name, Err: err}
	}
	return nil
}

// Domainname sets the NIS domain name of the UTS namespace, which must be the container's own.
func Domainname(name string) error {
	if err := unix.Setdomainname([]byte(name)); err != nil {
		return &fault.Error{Op: "setdomainname", Path: name, Err: err}
	}
	return nil
}

// Loopback sets the interface lo up. In a new network namespace it has no other flags that would have to be kept. Any socket
// takes the request (netdevice(7)); a Unix one also exists where IPv4 does not.
func Loopback() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return &fault.Error{Op: "socket", Err: err}
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return &fault.Error{Op: "set up", Path: "lo", Err: err}
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return &fault.Error{Op: "set up", Path: "lo", Err: err}
	}
	return nil
}
