package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Row C24: what engines, shells and people write.
func TestParseSignal(t *testing.T) {
	tests := []struct {
		in   string
		want unix.Signal
		ok   bool
	}{
		{"9", unix.SIGKILL, true},
		{"0", 0, true},
		{"64", 64, true},
		{"65", 0, false},
		{"-9", 0, false},
		{"+9", 0, false},
		{"0x9", 0, false},
		{"9 ", 0, false},
		{"4294967305", 0, false}, // 9 after truncation to 32 bits
		{"KILL", unix.SIGKILL, true},
		{"SIGKILL", unix.SIGKILL, true},
		{"sigkill", unix.SIGKILL, true},
		{"Term", unix.SIGTERM, true},
		{"WINCH", unix.SIGWINCH, true},
		{"IOT", unix.SIGABRT, true},
		{"SIGCLD", unix.SIGCHLD, true},
		{"POLL", unix.SIGIO, true},
		{"RTMIN", 34, true},
		{"SIGRTMIN+3", 37, true},
		{"rtmin+30", 64, true},
		{"RTMIN+31", 0, false},
		{"RTMIN+", 0, false},
		{"RTMIN-1", 0, false},
		{"RTMIN3", 0, false},
		{"RTMIN++3", 0, false},
		{"RTMAX", 64, true},
		{"SIGRTMAX-1", 63, true},
		{"RTMAX-30", 34, true},
		{"RTMAX-31", 0, false},
		{"RTMAX+1", 0, false},
		{"FOO", 0, false},
		{"SIG", 0, false},
		{"SIGSIGKILL", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseSignal(tt.in)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}
