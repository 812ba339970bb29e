package main

import (
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/tare-run/tare/libcontainer"
)

// Row C9: descriptors of socket activation count on top of --preserve-fds.
func TestListenFDs(t *testing.T) {
	tests := []struct {
		name, fds, pid string
		want           int
		ok             bool
	}{
		{"unset", "", "", 0, true},
		{"unset, pid of another program", "", "1", 0, true},
		{"ours", "2", "77", 2, true},
		{"no pid", "2", "", 2, true},
		{"inherited from another program", "2", "78", 0, true},
		{"pid in another spelling", "2", "077", 0, true},
		{"not a number", "two", "77", 0, false},
		{"negative", "-1", "77", 0, false},
		{"too many", "70000", "77", 0, false},
		{"not a number, but not ours", "two", "78", 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := listenFDs(tt.fds, tt.pid, 77)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestPreserveFDs(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	tests := []struct {
		name, fds, pid, names string
		want                  libcontainer.CreateOptions // after --preserve-fds 3
	}{
		{"no activation", "", "", "", libcontainer.CreateOptions{PreserveFDs: 3}},
		{"activation of another program", "2", "1", "x", libcontainer.CreateOptions{PreserveFDs: 3}},
		{"activation", "2", pid, "",
			libcontainer.CreateOptions{PreserveFDs: 5, Env: []string{"LISTEN_FDS=2", "LISTEN_PID=1"}}},
		{"activation with names", "2", "", "a:b",
			libcontainer.CreateOptions{PreserveFDs: 5, Env: []string{"LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a:b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("LISTEN_FDS", tt.fds)
			t.Setenv("LISTEN_PID", tt.pid)
			t.Setenv("LISTEN_FDNAMES", tt.names)
			o := libcontainer.CreateOptions{PreserveFDs: 3}
			if err := preserveFDs(&o.PreserveFDs, &o.Env); err != nil || !reflect.DeepEqual(o, tt.want) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
}
