package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/foreground"
)

// console passes the terminal's master on: to the console socket, or to the run in the foreground.
func (c *creation) console(masterFd int, name string) error {
	if c.o.ConsoleSocket == "" {
		c.masterFd = masterFd
		return nil
	}
	defer unix.Close(masterFd)
	return foreground.SendMaster(c.o.ConsoleSocket, masterFd, name)
}

// sendPidfd sends the pidfd to the socket the caller named.
func sendPidfd(socket string, pidfd int) error { return foreground.SendPidfd(socket, pidfd) }
