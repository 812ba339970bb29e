package notify

import (
	"strings"
)

// maxMessage is what systemd takes at most of one message.
const maxMessage = 4096

// message is what is left of a message of the container.
type message struct {
	lines   []string // to be handed on
	ready   bool
	barrier bool // its sender waits until the descriptor that came along is closed
}

// parse picks the assignments that mean the same outside of the container as inside (sd_notify(3)). Those that name a process
// or a descriptor are not among them: MAINPID and its kin are numbers of another pid namespace, and what the container would
// store with FDSTORE is not the service's. Nor is what it may not decide: NOTIFYACCESS.
func parse(text string) (m message) {
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch name {
		case "BARRIER":
			m.barrier = m.barrier || value == "1"
			continue
		case "READY", "RELOADING", "STOPPING", "WATCHDOG":
			ok = value == "1"
		case "ERRNO", "EXTEND_TIMEOUT_USEC", "MONOTONIC_USEC":
			ok = value != "" && strings.Trim(value, "0123456789") == ""
		case "STATUS":
			ok = !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
		default:
			ok = false
		}
		if ok {
			m.lines = append(m.lines, line)
			m.ready = m.ready || name == "READY"
		}
	}
	return m
}
