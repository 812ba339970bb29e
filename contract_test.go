package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer"
)

// engineLine is a command line as an engine writes it, with the parts that may come in another form and order.
type engineLine struct {
	engine  string
	globals []string // "--flag value"
	verb    string
	flags   []string
	args    []string

	call    string
	options any
	force   bool
	runtime libcontainer.Runtime
}

var engineLines = []engineLine{
	{"containerd, create", []string{"--root /r/moby", "--log /dev/null", "--log-format json", "--systemd-cgroup"}, "create",
		[]string{"--bundle /b", "--pid-file /b/init.pid", "--console-socket /tmp/s", "--no-pivot", "--no-new-keyring"}, []string{"web1"},
		"create", libcontainer.CreateOptions{ID: "web1", Bundle: "/b", PidFile: "/b/init.pid", ConsoleSocket: "/tmp/s", NoPivot: true, NoNewKeyring: true},
		false, libcontainer.Runtime{Root: "/r/moby", CgroupManager: "systemd", Rootless: "auto"}},
	{"containerd, exec", []string{"--root /r/k8s.io", "--log /dev/null", "--log-format json"}, "exec",
		[]string{"--process /b/p", "--console-socket /tmp/s", "--detach", "--pid-file /b/e.pid"}, []string{"web1"},
		"exec", libcontainer.ExecOptions{ID: "web1", Process: libcontainer.ProcessFlags{File: "/b/p"}, ConsoleSocket: "/tmp/s", Detach: true, PidFile: "/b/e.pid"},
		false, libcontainer.Runtime{Root: "/r/k8s.io", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"containerd, kill --all", []string{"--root /r/moby"}, "kill", []string{"--all"}, []string{"web1", "9"},
		"kill", libcontainer.KillOptions{Signal: 9, All: true}, false, libcontainer.Runtime{Root: "/r/moby", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"containerd, delete", []string{"--root /r/moby"}, "delete", []string{"--force"}, []string{"web1"},
		"delete", nil, true, libcontainer.Runtime{Root: "/r/moby", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"containerd, update", []string{"--root /r/moby"}, "update", []string{"--resources -"}, []string{"web1"},
		"update", libcontainer.UpdateOptions{Resources: "-"}, false, libcontainer.Runtime{Root: "/r/moby", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"conmon, create", []string{"--systemd-cgroup", "--log-format json", "--log /dev/null", "--cgroup-manager disabled"}, "create",
		[]string{"--bundle /b", "--pid-file /p", "--no-pivot", "--no-new-keyring", "--preserve-fds 2", "--console-socket /s"}, []string{"web1"},
		"create", libcontainer.CreateOptions{ID: "web1", Bundle: "/b", PidFile: "/p", NoPivot: true, NoNewKeyring: true, PreserveFDs: 2, ConsoleSocket: "/s"},
		false, libcontainer.Runtime{Root: "/run/tare", CgroupManager: "disabled", Rootless: "auto"}},
	{"conmon, exec", []string{"--log-format json", "--log /dev/null"}, "exec",
		[]string{"--pid-file /p", "--process /b/p", "--detach", "--tty", "--preserve-fds 1", "--console-socket /s"}, []string{"web1"},
		"exec", libcontainer.ExecOptions{ID: "web1", Process: libcontainer.ProcessFlags{File: "/b/p", Tty: true}, PidFile: "/p", Detach: true, PreserveFDs: 1, ConsoleSocket: "/s"},
		false, libcontainer.Runtime{Root: "/run/tare", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"CRI-O, exec", []string{"--root /r"}, "exec", []string{"--process /p"}, []string{"web1"},
		"exec", libcontainer.ExecOptions{ID: "web1", Process: libcontainer.ProcessFlags{File: "/p"}},
		false, libcontainer.Runtime{Root: "/r", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"BuildKit, run", []string{"--log /dev/null", "--log-format json"}, "run", []string{"--bundle /b", "--keep"}, []string{"web1"},
		"run", libcontainer.RunOptions{CreateOptions: libcontainer.CreateOptions{ID: "web1", Bundle: "/b"}, Keep: true},
		false, libcontainer.Runtime{Root: "/run/tare", CgroupManager: "cgroupfs", Rootless: "auto"}},
	{"go-runc, global flags", []string{"--root /r", "--debug", "--log /dev/null", "--log-format json", "--systemd-cgroup", "--rootless true"}, "start", nil, []string{"web1"},
		"start", nil, false, libcontainer.Runtime{Root: "/r", CgroupManager: "systemd", Rootless: "true"}},
	{"flags of other runtimes, from a wrapper (A12)", []string{"--criu /usr/sbin/criu", "--log-level debug", "--log /dev/null", "--cgroup-manager cgroupfs", "--rootless false"},
		"start", nil, []string{"web1"},
		"start", nil, false, libcontainer.Runtime{Root: "/run/tare", CgroupManager: "cgroupfs", Rootless: "false"}},
}

// Rows A1, A8, A12, B10, B11: every form of every engine's command line means the same: "--x v" and "--x=v", in any mixture, and
// the flags before and after one another.
func TestEngineCommandLines(t *testing.T) {
	for _, name := range []string{"LISTEN_FDS", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, "")
	}
	for _, line := range engineLines {
		t.Run(line.engine, func(t *testing.T) {
			for _, globals := range forms(line.globals) {
				check(t, line, globals, spaced(line.flags))
			}
			for _, flags := range forms(line.flags) {
				check(t, line, spaced(line.globals), flags)
			}
		})
	}
}

func check(t *testing.T, line engineLine, globals, flags []string) {
	t.Helper()
	args := append(append(append(append([]string{}, globals...), line.verb), flags...), line.args...)
	var r recorder
	if got := invoke(&r, args...); got.status != 0 || got.stderr != "" || got.stdout != "" {
		t.Fatalf("%q: %+v", args, got)
	}
	options := r.options
	if e, ok := options.(libcontainer.ExecOptions); ok { // what has not been given is empty, and not nil
		e.Process.Args, e.Process.Env, e.Process.Caps, e.Cgroups = nil, nil, nil, nil
		options = e
	}
	runtime := libcontainer.Runtime{Root: r.runtime.Root, CgroupManager: r.runtime.CgroupManager, Rootless: r.runtime.Rootless}
	if r.call != line.call || r.id != line.args[0] || r.force != line.force || !reflect.DeepEqual(options, line.options) ||
		!reflect.DeepEqual(runtime, line.runtime) {
		t.Errorf("%q: %s %q force %v %+v %+v", args, r.call, r.id, r.force, r.options, runtime)
	}
}

// forms writes flags with and without "=", in every mixture, and each mixture in every rotation and its reverse.
func forms(flags []string) (all [][]string) {
	for mixture := range 1 << len(flags) {
		written := make([]string, len(flags))
		for i, flag := range flags {
			written[i] = flag
			if mixture&(1<<i) != 0 {
				written[i] = strings.Replace(flag, " ", "=", 1)
			}
		}
		for start := range len(flags) {
			rotated := append(append([]string{}, written[start:]...), written[:start]...)
			reversed := make([]string, len(rotated))
			for i := range rotated {
				reversed[len(rotated)-1-i] = rotated[i]
			}
			all = append(all, spaced(rotated), spaced(reversed))
		}
	}
	return all
}

func spaced(flags []string) []string { return strings.Fields(strings.Join(flags, " ")) }
