package main

import (
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer"
)

// Rows C29, C30: runc's columns, an array of states, or bare ids.
func TestList(t *testing.T) {
	list := []libcontainer.State{
		{OCIVersion: "1.3.0", ID: "web1", Pid: 4242, Status: libcontainer.StatusRunning, Bundle: "/b", Rootfs: "/b/rootfs",
			Created: testTime, Owner: "root"},
		{ID: "a-longer-name", Status: libcontainer.StatusStopped, Bundle: "/b2", Created: testTime, Owner: "1000"},
	}
	table := "ID              PID         STATUS      BUNDLE      CREATED                OWNER\n" +
		"web1            4242        running     /b          2026-01-02T03:04:05Z   root\n" +
		"a-longer-name   0           stopped     /b2         2026-01-02T03:04:05Z   1000\n"
	array := `[{"ociVersion":"1.3.0","id":"web1","pid":4242,"status":"running","bundle":"/b","rootfs":"/b/rootfs",` +
		`"created":"2026-01-02T03:04:05Z","owner":"root"},{"ociVersion":"","id":"a-longer-name","pid":0,"status":"stopped",` +
		`"bundle":"/b2","rootfs":"","created":"2026-01-02T03:04:05Z","owner":"1000"}]` + "\n"
	tests := []struct {
		name, args string
		list       []libcontainer.State
		want       string
	}{
		{"table", "list", list, table},
		{"no containers", "list", nil, "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"},
		{"json as go-runc asks", "list --format=json", list, array},
		{"json, no containers", "list -f json", nil, "[]\n"},
		{"quiet", "list -q", list, "web1\na-longer-name\n"},
		{"quiet, no containers", "list --quiet", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := invoke(&recorder{list: tt.list}, strings.Fields(tt.args)...)
			if want := (result{0, tt.want, ""}); got != want {
				t.Errorf("got\n%s%s\nwant\n%s", got.stdout, got.stderr, tt.want)
			}
		})
	}
}
