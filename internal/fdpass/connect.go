package fdpass

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxSocketPath is the room in sockaddr_un for a path with its NUL (unix(7)).
const maxSocketPath = 108

// Connect connects to a socket in the file system. A path that is too long for the address is replaced by that of a
// handle on the socket.
func Connect(socketFd int, path string) error {
	if strings.HasPrefix(path, "@") {
		path = "./" + path // x/sys would read an abstract name, which is none of the file system's
	}
	if len(path) >= maxSocketPath {
		handleFd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(handleFd)
		path = "/proc/self/fd/" + strconv.Itoa(handleFd)
	}
	for {
		err := unix.Connect(socketFd, &unix.SockaddrUnix{Name: path})
		if err != unix.EINTR {
			return err
		}
	}
}
