package engines

import (
	"strings"
	"sync"
)

// commonOperations are those of Podman and Docker, whose commands are the same.
var commonOperations = []operation{
	{"run", func(e *engine) { e.says("hello", "run", "--rm", image, "echo", "hello") }},
	{"exit status", func(e *engine) { e.ends(42, nil, "run", "--rm", image, "sh", "-c", "exit 42") }},
	{"stdin", func(e *engine) {
		if r := e.tryIn(workspace, "from outside", "run", "--rm", "-i", image, "cat"); r.output != "from outside" {
			e.fail("%+v", r)
		}
	}},
	{"detached, logs, wait", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "echo out; echo err >&2; exit 3")
		e.says("3", "wait", "c1")
		e.has([]string{"out", "err"}, "logs", "c1")
		e.says("exited 3", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "c1")
	}},
	{"create, start, restart", func(e *engine) {
		e.does("create", "--name", "c1", image, "sleep", "600")
		e.says("created", "inspect", "--format", "{{.State.Status}}", "c1")
		e.does("start", "c1")
		e.does("restart", "-t=0", "c1")
		e.says("running", "inspect", "--format", "{{.State.Status}}", "c1")
	}},
	{"stop by signal", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done")
		e.eventually("ready", "logs", "c1")
		e.does("stop", "-t=30", "c1")
		e.says("7", "inspect", "--format", "{{.State.ExitCode}}", "c1")
	}},
	{"stop by force", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.does("stop", "-t=0", "c1")
		e.says("137", "inspect", "--format", "{{.State.ExitCode}}", "c1")
	}},
	{"kill with a signal", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "trap 'echo got; exit 4' USR1; echo ready; while :; do sleep 0.1; done")
		e.eventually("ready", "logs", "c1")
		e.does("kill", "--signal=USR1", "c1")
		e.says("4", "wait", "c1")
	}},
	{"remove by force", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--stop-signal=KILL", image, "sleep", "600")
		e.does("rm", "--force", "c1")
		if r := e.try("container", "inspect", "c1"); r.status == 0 || !strings.Contains(strings.ToLower(r.output), "no such container") {
			e.fail("%+v", r)
		}
	}},
	{"exec", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.says("0", "exec", "c1", "id", "-u")
		e.says("1000", "exec", "--user", "user", "c1", "id", "-u")
		e.says("/tmp V", "exec", "--workdir", "/tmp", "--env", "A=V", "c1", "sh", "-c", "echo $(pwd) $A")
		e.ends(9, nil, "exec", "c1", "sh", "-c", "exit 9")
		if r := e.tryIn(workspace, "piped", "exec", "-i", "c1", "cat"); r.output != "piped" {
			e.fail("%+v", r)
		}
		e.does("exec", "--detach", "c1", "touch", "/tmp/made")
		e.eventually("/tmp/made", "exec", "c1", "ls", "/tmp/made")
	}},
	{"exec with a terminal", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		if out := e.terminal("stty size; tty; exit 0\n", "exec", "-it", "c1", "sh"); !strings.Contains(out, "/dev/pts/") {
			e.fail("%q", out)
		}
	}},
	{"run with a terminal", func(e *engine) {
		if out := e.terminal("tty; exit 0\n", "run", "--rm", "-it", image, "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
	}},
	{"exec statuses", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		if r := e.try("exec", "c1", "nosuch"); r.status != e.noProgram || !strings.Contains(r.output, "executable file") {
			e.fail("%+v", r)
		}
		e.ends(126, []string{"ermission denied"}, "exec", "c1", "/etc/plain")
	}},
	{"run statuses", func(e *engine) {
		e.ends(127, []string{"executable file"}, "run", "--rm", image, "nosuch")
		e.ends(127, []string{"no such file or directory"}, "run", "--rm", image, "/no/such")
		e.ends(126, []string{"ermission denied"}, "run", "--rm", image, "/etc/plain")
		e.ends(126, nil, "run", "--rm", image, "/etc")
	}},
	{"pause", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.does("pause", "c1")
		e.says("paused", "inspect", "--format", "{{.State.Status}}", "c1")
		e.does("unpause", "c1")
		e.says("ok", "exec", "c1", "echo", "ok")
	}},
	{"stats and top", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.has([]string{"c1"}, "stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "c1")
		e.has([]string{"sleep 600"}, "top", "c1")
	}},
	{"limits", func(e *engine) {
		e.needs("memory", "pids", "cpu")
		e.says("67108864 20", "run", "--rm", "--memory=64m", "--pids-limit=20", "--cpus=0.5", "--cpu-shares=512", image, "sh", "-c",
			"echo $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null)")
	}},
	{"update", func(e *engine) {
		e.needs("memory")
		e.does("run", "-d", "--name", "c1", "--memory=64m", image, "sleep", "600")
		e.does("update", "--memory=96m", "c1")
		e.says("100663296", "exec", "c1", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true")
	}},
	{"restart policy", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--restart=on-failure:2", image, "sh", "-c", "echo again; exit 1")
		e.eventually("again\nagain\nagain", "logs", "c1")
	}},
	{"read-only", func(e *engine) {
		e.ends(1, []string{"Read-only file system"}, "run", "--rm", "--read-only", image, "touch", "/etc/new")
		e.does("run", "--rm", "--read-only", "--tmpfs", "/tmp", image, "touch", "/tmp/new")
	}},
	{"tmpfs", func(e *engine) {
		e.has([]string{"tmpfs on /scratch", "size=1024k"}, "run", "--rm", "--tmpfs", "/scratch:rw,size=1m,mode=1777", image, "mount")
	}},
	{"volumes", func(e *engine) {
		e.does("volume", "create", "v1")
		e.does("run", "--rm", "-v", "v1:/data", image, "sh", "-c", "echo kept >/data/file")
		e.says("kept", "run", "--rm", "-v", "v1:/data:ro", image, "cat", "/data/file")
		e.ends(1, []string{"Read-only"}, "run", "--rm", "-v", "v1:/data:ro", image, "touch", "/data/x")
	}},
	{"propagation of binds", func(e *engine) {
		dir := e.directory("source")
		for option, want := range map[string]string{"rprivate": "", "rshared": "shared:", "rslave": "master:"} {
			out := e.does("run", "--rm", "-v", dir+":/data:"+option, image, "grep", " /data ", "/proc/self/mountinfo")
			if want != "" && !strings.Contains(out, want) || want == "" && (strings.Contains(out, "shared:") || strings.Contains(out, "master:")) {
				e.fail("%s: %s", option, out)
			}
		}
	}},
	{"users", func(e *engine) {
		e.says("uid=1000(user) gid=1000(user) groups=1000(user),2000(extra)", "run", "--rm", "--user", "user", image, "id")
		e.says("12 34", "run", "--rm", "--user", "12:34", image, "sh", "-c", "echo $(id -u) $(id -g)")
		e.has([]string{"77"}, "run", "--rm", "--group-add", "77", image, "id", "-G")
	}},
	{"capabilities", func(e *engine) {
		e.says("CapEff: 0000000000000000", "run", "--rm", "--cap-drop=all", image, "sh", "-c", "echo $(grep CapEff /proc/self/status)")
		e.says("CapEff: 0000000000001000", "run", "--rm", "--cap-drop=all", "--cap-add=NET_ADMIN", image, "sh", "-c", "echo $(grep CapEff /proc/self/status)")
		e.has([]string{"NoNewPrivs: 1"}, "run", "--rm", "--security-opt=no-new-privileges", image, "sh", "-c", "echo $(grep NoNewPrivs /proc/self/status)")
	}},
	{"seccomp", func(e *engine) {
		profile := e.file("profile.json", `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}`)
		e.ends(1, []string{"Operation not permitted"}, "run", "--rm", "--security-opt", "seccomp="+profile, image, "mkdir", "/tmp/x")
		e.has([]string{"Seccomp: 2"}, "run", "--rm", image, "sh", "-c", "echo $(grep Seccomp: /proc/self/status)")
		e.has([]string{"Seccomp: 0"}, "run", "--rm", "--security-opt=seccomp=unconfined", image, "sh", "-c", "echo $(grep Seccomp: /proc/self/status)")
	}},
	{"devices", func(e *engine) {
		e.says("1 7", "run", "--rm", "--device=/dev/full:/dev/f:r", image, "stat", "-c", "%t %T", "/dev/f")
		e.ends(1, []string{"Operation not permitted"}, "run", "--rm", "--cap-add=MKNOD", image, "sh", "-c", "mknod /tmp/d b 1 1 && head -c1 /tmp/d")
	}},
	{"privileged", func(e *engine) {
		e.does("run", "--rm", "--privileged", image, "mount", "-t", "tmpfs", "tmpfs", "/tmp")
	}},
	{"ulimits", func(e *engine) {
		e.says("100", "run", "--rm", "--ulimit", "nofile=100:200", "--ulimit", "nproc=1000:1000", image, "sh", "-c", "ulimit -n")
	}},
	{"sysctls", func(e *engine) {
		e.says("1", "run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", image, "cat", "/proc/sys/net/ipv4/ip_forward")
	}},
	{"host name", func(e *engine) { e.says("box", "run", "--rm", "--hostname", "box", image, "hostname") }},
	{"environment", func(e *engine) {
		e.says("V /tmp", "run", "--rm", "--env", "A=V", "--workdir", "/tmp", image, "sh", "-c", "echo $A $(pwd)")
	}},
	{"shared pid namespace", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--stop-signal=KILL", image, "sleep", "600")
		e.has([]string{"sleep 600"}, "run", "--rm", "--pid=container:c1", image, "ps")
		e.does("run", "--rm", "--pid=host", image, "true")
		e.does("rm", "--force", "c1")
	}},
	{"shared network and ipc", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--ipc=shareable", image, "sleep", "600")
		for _, kind := range []string{"net", "ipc"} {
			own := e.does("exec", "c1", "readlink", "/proc/self/ns/"+kind)
			e.says(own, "run", "--rm", "--net=container:c1", "--ipc=container:c1", image, "readlink", "/proc/self/ns/"+kind)
		}
		e.does("run", "--rm", "--net=host", "--ipc=host", "--uts=host", image, "true")
	}},
	{"cgroup namespaces", func(e *engine) {
		e.does("run", "--rm", "--cgroupns=private", image, "cat", "/proc/self/cgroup")
		e.does("run", "--rm", "--cgroupns=host", image, "cat", "/proc/self/cgroup")
	}},
	{"many at once", func(e *engine) {
		var group sync.WaitGroup
		problems := make(chan string, 5)
		for range 5 {
			group.Go(func() {
				if r := e.try("run", "--rm", image, "echo", "ok"); r.status != 0 || r.output != "ok" {
					problems <- r.output
				}
			})
		}
		group.Wait()
		if len(problems) > 0 {
			e.fail("%s", <-problems)
		}
	}},
	{"executions at once", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		var group sync.WaitGroup
		problems := make(chan string, 6)
		for range 6 {
			group.Go(func() {
				if r := e.try("exec", "c1", "echo", "ok"); r.status != 0 || r.output != "ok" {
					problems <- r.output
				}
			})
		}
		group.Wait()
		if len(problems) > 0 {
			e.fail("%s", <-problems)
		}
	}},
	{"copy and commit", func(e *engine) {
		file := e.file("copied", "content")
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.does("cp", file, "c1:/tmp/copied")
		e.says("content", "exec", "c1", "cat", "/tmp/copied")
	}},
	{"oom", func(e *engine) {
		e.needs("memory")
		e.ends(137, nil, "run", "--name", "c1", "--memory=16m", "--memory-swap=16m", image, "sh", "-c", "tail -c 200m /dev/zero")
	}},
}
