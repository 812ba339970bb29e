package engines

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A8: what else users of Podman do every day.
func TestPodmanEveryday(t *testing.T) { perform(t, podman(t), podmanEveryday) }

var podmanEveryday = []operation{
	{"masks", func(e *engine) {
		e.says("", "run", "--rm", "--security-opt=mask=/etc/passwd:/proc/version", image, "sh", "-c", "cat /etc/passwd /proc/version")
		e.says("0", "run", "--rm", "--security-opt=unmask=/proc/kcore:/sys/firmware", image, "sh", "-c", "grep -c kcore /proc/self/mountinfo || true")
		out := e.does("run", "--rm", "--security-opt=unmask=ALL", image, "cat", "/proc/self/mountinfo")
		if strings.Contains(out, " /proc/") || strings.Contains(out, " /sys/firmware") {
			e.fail("%s", out)
		}
	}},
	{"options of proc", func(e *engine) {
		e.has([]string{"hidepid=invisible"}, "run", "--rm", "--security-opt=proc-opts=hidepid=invisible", image, "grep", "^proc /proc ", "/proc/mounts")
		e.does("run", "--rm", "--security-opt=label=disable", image, "true")
	}},
	{"root from a directory", func(e *engine) {
		root := e.does("image", "mount", image)
		e.does("run", "--rm", "--rootfs", root+":O", "touch", "/new")
		if _, err := os.Lstat(filepath.Join(root, "new")); err == nil {
			e.fail("the container wrote through the overlay")
		}
		e.does("image", "unmount", image)
	}},
	{"overlay volume", func(e *engine) {
		dir := filepath.Dir(e.file("data", "content"))
		e.says("content", "run", "--rm", "-v", dir+":/data:O", image, "sh", "-c", "touch /data/new && cat /data/data")
		if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
			e.fail("the container wrote through the overlay")
		}
	}},
	{"read-only without tmpfs", func(e *engine) {
		e.does("run", "--rm", "--read-only", image, "touch", "/tmp/new", "/run/new", "/dev/shm/new")
		e.ends(1, []string{"Read-only"}, "run", "--rm", "--read-only", "--read-only-tmpfs=false", image, "touch", "/tmp/new")
	}},
	{"namespaces", func(e *engine) {
		e.ends(1, []string{"/dev/shm"}, "run", "--rm", "--ipc=none", image, "touch", "/dev/shm/x/y")
		for _, kind := range []string{"ipc", "uts", "cgroup", "net", "pid"} {
			own, err := os.Readlink("/proc/self/ns/" + kind)
			must2(e, err)
			flag := map[string]string{"cgroup": "--cgroupns"}[kind]
			if flag == "" {
				flag = "--" + kind
			}
			e.says(own, "run", "--rm", flag+"=host", image, "readlink", "/proc/self/ns/"+kind)
		}
	}},
	{"secret", func(e *engine) {
		defer e.try("secret", "rm", "s1")
		e.does("secret", "create", "s1", e.file("secret", "hidden"))
		e.says("hidden hidden", "run", "--rm", "--secret=s1", "--secret=s1,type=env,target=S", image, "sh", "-c", "echo $(cat /run/secrets/s1) $S")
		e.says("400 1000", "run", "--rm", "--secret=s1,mode=0400,uid=1000", image, "stat", "-c", "%a %u", "/run/secrets/s1")
	}},
	{"pid file and wait", func(e *engine) {
		path := filepath.Join(e.directory("pid"), "file")
		e.does("run", "-d", "--name", "c1", "--pidfile", path, image, "sleep", "600")
		text, err := os.ReadFile(path)
		must2(e, err)
		e.says(strings.TrimSpace(string(text)), "inspect", "--format", "{{.State.Pid}}", "c1")
		e.does("wait", "--condition=running", "c1")
		e.does("stop", "--time=0", "c1")
		e.does("wait", "--condition=stopped", "--condition=exited", "c1")
	}},
	{"service notification", func(e *engine) {
		address := &net.UnixAddr{Name: filepath.Join(e.directory("notify"), "socket"), Net: "unixgram"}
		socket, err := net.ListenUnixgram("unixgram", address)
		must2(e, err)
		defer socket.Close()
		with := *e
		with.env = append(with.env, "NOTIFY_SOCKET="+address.Name)
		with.does("run", "-d", "--name", "c1", "--sdnotify=conmon", image, "sleep", "600")
		must2(e, socket.SetReadDeadline(time.Now().Add(commandTimeout)))
		seen, message := "", make([]byte, 4096)
		for !strings.Contains(seen, "READY=1") {
			n, err := socket.Read(message)
			must2(e, err)
			seen += string(message[:n])
		}
	}},
	{"events, changes, commit", func(e *engine) {
		defer e.try("rmi", "--force", "localhost/changed")
		e.does("run", "--name", "c1", image, "sh", "-c", "echo kept >/kept; rm /etc/plain")
		e.has([]string{"A /kept", "D /etc/plain"}, "diff", "c1")
		e.does("commit", "--quiet", "c1", "localhost/changed")
		e.says("kept", "run", "--rm", "localhost/changed", "cat", "/kept")
		e.has([]string{"container start", "container died"}, "events", "--stream=false", "--since=5m", "--filter=container=c1")
	}},
	{"copy", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		dir := filepath.Dir(e.file("data", "content"))
		e.does("cp", dir+"/.", "c1:/tmp")
		e.says("content", "exec", "c1", "cat", "/tmp/data")
		e.does("cp", "c1:/tmp/data", filepath.Join(dir, "back"))
		if text, err := os.ReadFile(filepath.Join(dir, "back")); string(text) != "content" {
			e.fail("%q, %v", text, err)
		}
	}},
	{"generate and play kube", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "echo again; sleep 600")
		pod := e.file("pod.yaml", e.does("generate", "kube", "c1"))
		e.does("rm", "--force", "--time=0", "c1")
		e.does("play", "kube", pod)
		e.eventually("again", "logs", "c1-pod-c1")
		e.does("play", "kube", "--down", pod)
	}},
	{"checkpoint is refused", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		if r := e.try("container", "checkpoint", "c1"); r.status == 0 {
			e.fail("%+v", r)
		}
		e.says("running", "inspect", "--format", "{{.State.Status}}", "c1")
	}},
}
