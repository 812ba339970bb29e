package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer"
)

// Rows A7, D1 to D11: command lines as engines write them, and what must arrive.
func TestExecVerb(t *testing.T) {
	t.Setenv("LISTEN_FDS", "")
	for _, row := range []struct {
		args string
		want libcontainer.ExecOptions
	}{
		{"exec c1 sh -c x", libcontainer.ExecOptions{ID: "c1", Process: libcontainer.ProcessFlags{Args: []string{"sh", "-c", "x"}}}},
		{"exec c1 -x --cwd", libcontainer.ExecOptions{ID: "c1", Process: libcontainer.ProcessFlags{Args: []string{"-x", "--cwd"}}}},
		// containerd, and conmon
		{"exec --process /f --console-socket /s --detach --pid-file /p c1", libcontainer.ExecOptions{
			ID: "c1", Process: libcontainer.ProcessFlags{File: "/f"}, ConsoleSocket: "/s", Detach: true, PidFile: "/p"}},
		{"exec --pid-file /p --process /f --detach --tty --preserve-fds 2 c1", libcontainer.ExecOptions{
			ID: "c1", Process: libcontainer.ProcessFlags{File: "/f", Tty: true}, Detach: true, PidFile: "/p", PreserveFDs: 2}},
		{"exec -e A=b -e C=d -u 1:2 -g 3 -g 4 -c CAP_KILL --cwd /x -t -d --no-new-privs --apparmor a --process-label l --pidfd-socket /q --ignore-paused --cgroup cpu:/a --cgroup memory:b --no-subreaper c1 true",
			libcontainer.ExecOptions{
				ID: "c1", Detach: true, PidfdSocket: "/q", IgnorePaused: true, Cgroups: []string{"cpu:/a", "memory:b"},
				Process: libcontainer.ProcessFlags{
					Args: []string{"true"}, Env: []string{"A=b", "C=d"}, User: "1:2", AdditionalGids: []uint32{3, 4}, Caps: []string{"CAP_KILL"},
					Cwd: "/x", Tty: true, NoNewPrivs: true, Apparmor: "a", ProcessLabel: "l",
				},
			}},
	} {
		args := strings.Fields(row.args)
		r := &recorder{status: 7}
		got := invoke(r, args...)
		o, ok := r.options.(libcontainer.ExecOptions)
		if !ok || got.status != 7 {
			t.Errorf("%s: %+v", row.args, got)
			continue
		}
		for _, list := range []*[]string{&o.Process.Env, &o.Process.Caps, &o.Process.Args, &o.Cgroups} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if !reflect.DeepEqual(o, row.want) {
			t.Errorf("%s:\n%+v, want\n%+v", row.args, o, row.want)
		}
	}
}

// D20: errors of our own are 255, those of the parser 1 as with every verb.
func TestExecStatus(t *testing.T) {
	for args, status := range map[string]int{
		"exec": 255, "exec c1": 255, "exec -g x c1 true": 255, "exec --preserve-fds -1 c1 true": 255, "exec --nosuch c1 true": 1,
	} {
		if got := invoke(&recorder{}, strings.Fields(args)...); got.status != status || got.stderr == "" {
			t.Errorf("%s: %+v, want status %d", args, got, status)
		}
	}
}
