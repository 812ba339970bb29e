package main

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// The real-time signals that programs can use. The C library keeps the kernel's first two for its threads, so that RTMIN
// means 34 to everyone (signal(7)).
const (
	sigRTMin = 34
	sigRTMax = 64
)

// parseSignal reads a signal as people and engines write it: "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3", "RTMAX-1".
func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && n <= sigRTMax {
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if n, ok := realTimeSignal(name); ok {
		return n, nil
	}
	if n := unix.SignalNum("SIG" + canonicalSignal(name)); n != 0 {
		return n, nil
	}
	return 0, &fault.Error{Op: "unknown signal", Path: s, Hint: "give a name such as TERM or a number from 0 to 64"}
}

// canonicalSignal replaces the second names of signals, which the table of x/sys does not have (signal(7)).
func canonicalSignal(name string) string {
	switch name {
	case "IOT":
		return "ABRT"
	case "CLD":
		return "CHLD"
	case "POLL":
		return "IO"
	}
	return name
}

// realTimeSignal reads RTMIN, RTMIN+n, RTMAX and RTMAX-n.
func realTimeSignal(name string) (unix.Signal, bool) {
	base, sign := sigRTMin, "+"
	rest, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		base, sign = sigRTMax, "-"
		if rest, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0, false
		}
	}
	if rest == "" {
		return unix.Signal(base), true
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(rest, sign), 10, 8)
	if !strings.HasPrefix(rest, sign) || err != nil || n > sigRTMax-sigRTMin {
		return 0, false
	}
	if sign == "-" {
		return unix.Signal(base - int(n)), true
	}
	return unix.Signal(base + int(n)), true
}
