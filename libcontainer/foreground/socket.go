package foreground

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/fdpass"
)

// sendTimeout bounds the connection and the message: the peer is another program, which may hang.
const sendTimeout = 10 * time.Second

// SendMaster sends the master of a terminal to the caller's console socket: one message with the descriptor, and the name of
// the slave as its payload. The descriptor stays the caller's.
func SendMaster(socketPath string, masterFd int, name string) error {
	return send("console socket", socketPath, masterFd, name)
}

// SendPidfd sends a pidfd of the init process to the caller's pidfd socket, with the word "pidfd" as payload.
func SendPidfd(socketPath string, pidfd int) error {
	return send("pidfd socket", socketPath, pidfd, "pidfd")
}

// SendListener sends the listener of a seccomp filter to the agent's socket, with the container process state as payload:
// exactly one for each connection, the descriptor with its first byte (config-linux.md, "The Container Process State").
func SendListener(socketPath string, listenerFd int, processState []byte) error {
	return send("seccomp agent", socketPath, listenerFd, string(processState))
}

func send(op, path string, fd int, payload string) error {
	err := connectAndSend(path, fd, payload, sendTimeout)
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: op, Path: path, Err: err}
	switch err {
	case unix.EAGAIN:
		e.Err, e.Hint = fault.ErrTimeout, "its owner accepts no connection"
	case unix.ECONNREFUSED:
		e.Hint = "no process listens on it"
	case unix.EPROTOTYPE:
		e.Hint = "it must be a stream socket"
	}
	return e
}

func connectAndSend(path string, fd int, payload string, timeout time.Duration) error {
	socketFd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socketFd)
	limit := unix.NsecToTimeval(timeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(socketFd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return err
	}
	if err := fdpass.Connect(socketFd, path); err != nil {
		return err
	}
	return fdpass.Send(socketFd, []byte(payload), fd)
}
