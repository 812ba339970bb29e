// Package syslog sends single messages to the log of the host: to systemd's journal in its native protocol, or to the socket of
// syslog(3).
//
// It keeps nothing open and never waits: a log that takes nothing must not hold a container up. Package net and log/syslog
// would do the same with a resolver and goroutines in every start of the program.
package syslog

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where the two listen.
const (
	JournalSocket = "/run/systemd/journal/socket"
	Socket        = "/dev/log"
)

// Severities of messages (syslog(3)).
const (
	Error   = 3
	Warning = 4
	Debug   = 7
)

// daemon is the facility of system services, in the place where a priority has it.
const daemon = 3 << 3

// Journal sends a message to the journal that listens at socket (systemd.io/JOURNAL_NATIVE_PROTOCOL).
func Journal(socket, name string, severity int, message string) error {
	var b []byte
	b = appendField(b, "MESSAGE", message)
	b = appendField(b, "PRIORITY", strconv.Itoa(severity))
	b = appendField(b, "SYSLOG_FACILITY", strconv.Itoa(daemon>>3))
	b = appendField(b, "SYSLOG_IDENTIFIER", name)
	return send(socket, b)
}

// appendField appends one field. A value of several lines has its length in front, so that no line of it is a field.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if strings.Contains(value, "\n") {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	} else {
		b = append(b, '=')
	}
	b = append(b, value...)
	return append(b, '\n')
}

// Syslog sends a message to the daemon that listens at socket. The time is the daemon's to add.
func Syslog(socket, name string, severity int, message string) error {
	b := append([]byte{'<'}, strconv.Itoa(daemon|severity)...)
	b = append(append(b, '>'), name...)
	b = append(append(b, '['), strconv.Itoa(os.Getpid())...)
	b = append(b, "]: "...)
	return send(socket, append(b, strings.ReplaceAll(message, "\n", "; ")...))
}

func send(socket string, datagram []byte) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, datagram, unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: socket})
}
