package engines

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// crioOperations are what CRI-O does in its own way.
var crioOperations = []operation{
	{"infra container", func(e *engine) {
		e.runtime += modestly
		shared := map[string]any{"network": 2, "pid": 0}
		pod, file := e.pod(func(pod map[string]any) {
			pod["linux"].(map[string]any)["security_context"] = map[string]any{"namespace_options": shared}
		})
		id := e.container(pod, file, security(map[string]any{"namespace_options": shared}), "sleep", "600")
		e.has([]string{"tail -f /dev/null", "sleep 600"}, "exec", "--sync", id, "ps")
		e.does("stopp", pod)
		e.state("CONTAINER_EXITED", id)
	}},
	{"exec that takes too long", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		if r := e.try("exec", "--sync", "--timeout=1", id, "sleep", "500"); r.status == 0 || !strings.Contains(r.output, "command timed out") {
			e.fail("%+v", r)
		}
		if ps := e.does("exec", "--sync", id, "ps"); strings.Contains(ps, "sleep 500") {
			e.fail("it still runs: %s", ps)
		}
	}},
	{"exec in a stopped container", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "true")
		e.state("CONTAINER_EXITED", id)
		if r := e.try("exec", "--sync", id, "true"); r.status == 0 {
			e.fail("%+v", r)
		}
	}},
	{"streams of an exec", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		if r := e.tryIn(workspace, "piped", "exec", "--interactive", id, "cat"); r.status != 0 || r.output != "piped" {
			e.fail("%+v", r)
		}
		e.has([]string{"out", "err"}, "exec", "--sync", id, "sh", "-c", "echo out; echo err >&2")
		e.says("100000", "exec", "--sync", id, "sh", "-c", "head -c 100000 /dev/zero | wc -c")
	}},
	{"attach", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) { c["stdin"], c["stdin_once"] = true, true }, "sh", "-c", "read word; echo got $word")
		if r := e.tryIn(workspace, "it\n", "attach", "--stdin", id); r.status != 0 {
			e.fail("%+v", r)
		}
		e.eventually("got it", "logs", id)
		e.state("CONTAINER_EXITED", id)
	}},
	{"attach to a terminal", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) { c["stdin"], c["stdin_once"], c["tty"] = true, true, true }, "sh")
		if out := e.terminal("stty size; tty; exit 0\n", "attach", "--stdin", "--tty", id); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
		e.state("CONTAINER_EXITED", id)
	}},
	{"a log that grows is cut", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
		e.state("CONTAINER_EXITED", id)
		info, err := os.Stat(e.does("inspect", "--output=go-template", "--template", "{{.status.logPath}}", id))
		must2(e, err)
		if info.Size() > crioLogSize {
			e.fail("%d bytes", info.Size())
		}
		e.has([]string{"line 2999"}, "logs", id)
	}},
	{"a log is opened again", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "echo before; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo after; sleep 600")
		e.eventually("before", "logs", id)
		path := e.does("inspect", "--output=go-template", "--template", "{{.status.logPath}}", id)
		must2(e, os.Rename(path, path+".1"))
		// What CRI-O itself writes for the call ReopenContainerLog, which crictl has no command for.
		control, err := os.OpenFile(filepath.Join("/run/crio/storage/overlay-containers", id, "userdata/ctl"), os.O_WRONLY, 0)
		must2(e, err)
		_, err = control.WriteString("2 0 0\n")
		must2(e, err)
		must2(e, control.Close())
		e.eventually("", "logs", id)
		e.does("exec", "--sync", id, "touch", "/tmp/go")
		e.eventually("after", "logs", id)
	}},
	{"stop of what does not want to", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "trap '' TERM; echo ready; sleep 600 & wait; sleep 600")
		e.eventually("ready", "logs", id)
		e.does("stop", "--timeout=1", id)
		e.says("137", "inspect", "--output=go-template", "--template", "{{.status.exitCode}}", id)
		e.does("stop", "--timeout=1", id)
		e.does("rm", id)
	}},
	{"stops at once", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "trap '' TERM; echo ready; sleep 600")
		e.eventually("ready", "logs", id)
		slow := e.background("stop", "--timeout=50", id)
		defer slow()
		e.does("stop", "--timeout=0", id)
		e.state("CONTAINER_EXITED", id)
	}},
	{"stop of a pod with many", func(e *engine) {
		pod, file := e.pod(nil)
		for i := range 4 {
			e.container(pod, file, func(c map[string]any) {
				c["metadata"] = map[string]any{"name": "c" + strconv.Itoa(i), "attempt": 1}
			}, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")
		}
		e.does("stopp", pod)
		e.says("", "ps", "--quiet")
		e.does("rmp", pod)
	}},
	{"out of memory", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) {
			c["linux"].(map[string]any)["resources"] = map[string]any{"memory_limit_in_bytes": 16 << 20, "memory_swap_limit_in_bytes": 16 << 20}
		}, "tail", "-c", "200m", "/dev/zero")
		e.state("CONTAINER_EXITED", id)
		e.says("OOMKilled 137", "inspect", "--output=go-template", "--template", "{{.status.reason}} {{.status.exitCode}}", id)
	}},
	{"limit on processes", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true")
		e.state("CONTAINER_EXITED", id)
		e.says(crioPids, "logs", id)
	}},
	{"forwarded port", func(e *engine) {
		pod, file := e.pod(nil)
		e.container(pod, file, nil, "busybox", "nc", "-ll", "-p", "7001", "-e", "/bin/cat")
		defer e.background("port-forward", pod, "7002:7001")()
		e.until("the port answers", func() error { return echoes("127.0.0.1:7002") })
	}},
	{"checkpoint is refused", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		if r := e.try("checkpoint", "--export="+filepath.Join(workspace, "checkpoint.tar"), id); r.status == 0 {
			e.fail("%+v", r)
		}
		e.says("ok", "exec", "--sync", id, "echo", "ok")
	}},
	{"status of CRI-O", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, nil, "sleep", "600")
		status := engine{command: []string{e.daemon.command[0], "status"}}
		status.has([]string{"cgroup driver: cgroupfs", "storage driver: overlay"}, "info")
		status.has([]string{id, pod}, "containers", "--id="+id)
		status.has([]string{"[crio.runtime.runtimes." + e.runtime + "]"}, "config")
	}},
	{"network of the pod", func(e *engine) {
		pod, file := e.pod(func(pod map[string]any) {
			pod["hostname"] = "box"
			pod["linux"].(map[string]any)["security_context"] = map[string]any{"namespace_options": map[string]any{"pid": 1}}
			pod["linux"].(map[string]any)["sysctls"] = map[string]string{"net.ipv4.ip_unprivileged_port_start": "7"}
		})
		own := security(map[string]any{"namespace_options": map[string]any{"pid": 1}})
		id := e.container(pod, file, own, "busybox", "nc", "-ll", "-p", "7001", "-e", "/bin/cat")
		e.says("box\n7", "exec", "--sync", id, "sh", "-c", "hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
		e.has([]string{crioAddress}, "exec", "--sync", id, "busybox", "ip", "address")
		e.has([]string{crioAddress}, "inspectp", pod)
		defer e.background("port-forward", pod, "7002:7001")()
		e.until("the port answers", func() error { return echoes("127.0.0.1:7002") })
	}},
	{"user namespace", func(e *engine) {
		ids := []map[string]any{{"host_id": 100000, "container_id": 0, "length": 65536}}
		options := map[string]any{"pid": 1, "userns_options": map[string]any{"mode": 0, "uids": ids, "gids": ids}}
		pod, file := e.pod(func(pod map[string]any) {
			pod["linux"].(map[string]any)["security_context"] = map[string]any{"namespace_options": options}
		})
		id := e.container(pod, file, security(map[string]any{"namespace_options": options}), "sh", "-c", "echo $(id -u) $(cat /proc/self/uid_map); stat -c %u /etc/passwd")
		e.state("CONTAINER_EXITED", id)
		e.says("0 0 100000 65536\n0", "logs", id)
	}},
	{"read-only mounts below a mount", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) {
			c["mounts"] = []map[string]any{{"container_path": "/data", "host_path": "/run", "readonly": true, "recursive_read_only": true}}
		}, "touch", "/data/tests/new")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"Read-only file system"}, "logs", id)
	}},
	{"devices", func(e *engine) {
		pod, file := e.pod(nil)
		id := e.container(pod, file, func(c map[string]any) {
			security(map[string]any{"capabilities": map[string]any{"add_capabilities": []string{"MKNOD"}}})(c)
			c["devices"] = []map[string]any{{"container_path": "/dev/f", "host_path": "/dev/full", "permissions": "r"}}
		}, "sh", "-c", "stat -c '%t %T' /dev/f; mknod /tmp/d b 1 1 && head -c 1 /tmp/d")
		e.state("CONTAINER_EXITED", id)
		e.has([]string{"1 7\n", "Operation not permitted"}, "logs", id)
	}},
	{"restart", func(e *engine) { e.survives(syscall.SIGTERM) }},
	{"restart after a crash", func(e *engine) { e.survives(syscall.SIGKILL) }},
}

// survives tries whether a daemon that ends by a signal finds its containers again.
func (e *engine) survives(signal syscall.Signal) {
	pod, file := e.pod(nil)
	named := func(name string) func(map[string]any) {
		return func(c map[string]any) { c["metadata"] = map[string]any{"name": name, "attempt": 1} }
	}
	stays := e.container(pod, file, named("stays"), "sh", "-c", "trap 'exit 4' TERM; echo ready; while :; do sleep 0.1; done")
	ends := e.container(pod, file, named("ends"), "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 6")
	ended := e.container(pod, file, named("ended"), "sh", "-c", "exit 5")
	e.eventually("ready", "logs", stays)
	e.state("CONTAINER_EXITED", ended)
	process := "/proc/" + e.does("inspect", "--output=go-template", "--template", "{{.info.pid}}", ends)
	must2(e, e.daemon.stop(signal))
	must2(e, os.WriteFile(process+"/root/tmp/go", nil, 0o644))
	e.until("the container ends", func() error {
		if _, err := os.Stat(process); err == nil {
			return os.ErrExist
		}
		return nil
	})
	must2(e, e.daemon.start())
	e.has([]string{pod[:12], "Ready"}, "pods")
	for id, status := range map[string]string{stays: "CONTAINER_RUNNING 0", ends: "CONTAINER_EXITED 6", ended: "CONTAINER_EXITED 5"} {
		e.eventually(status, "inspect", "--output=go-template", "--template", "{{.status.state}} {{.status.exitCode}}", id)
	}
	e.says("ok", "exec", "--sync", stays, "echo", "ok")
	e.does("stop", "--timeout=30", stays)
	e.says("4", "inspect", "--output=go-template", "--template", "{{.status.exitCode}}", stays)
	e.does("stopp", pod)
	e.does("rmp", pod)
}

// echoes is whether a server sends back what it gets.
func echoes(address string) error {
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := connection.Write([]byte("hello")); err != nil {
		return err
	}
	_, err = io.ReadFull(connection, make([]byte, len("hello")))
	return err
}

// background runs a command until the returned function is called.
func (e *engine) background(args ...string) (end func()) {
	line := e.line(args)
	c := exec.Command(line[0], line[1:]...)
	c.Dir = workspace
	must2(e, c.Start())
	return func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// until waits until something succeeds.
func (e *engine) until(what string, try func() error) {
	var err error
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	e.fail("never: %s: %v", what, err)
}
