package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A11: what else users of Docker do every day.
func TestDockerEveryday(t *testing.T) { perform(t, startDocker(t, "--experimental"), dockerEveryday) }

// A11 G1: Docker that gives all containers a user namespace.
func TestDockerRemapped(t *testing.T) {
	requireEngine(t, "dockerd", "newuidmap")
	must(t, addUser())
	perform(t, startDocker(t, "--userns-remap="+rootlessName), dockerRemapped)
}

var dockerEveryday = []operation{
	{"changes, commit, copy", func(e *engine) {
		defer e.try("rmi", "--force", "changed")
		e.does("run", "--name", "c1", image, "sh", "-c", "echo kept >/kept; rm /etc/plain")
		e.has([]string{"A /kept", "D /etc/plain"}, "diff", "c1")
		e.does("commit", "c1", "changed")
		e.says("kept", "run", "--rm", "changed", "cat", "/kept")
		back := filepath.Join(e.directory("copy"), "back")
		e.does("cp", "c1:/kept", back)
		if text, err := os.ReadFile(back); string(text) != "kept\n" {
			e.fail("%q, %v", text, err)
		}
	}},
	{"networks", func(e *engine) {
		defer e.try("network", "rm", "n1")
		defer e.try("rm", "--force", "c1")
		e.does("network", "create", "--subnet=10.199.7.0/24", "n1")
		e.does("run", "-d", "--name", "c1", "--network=n1", "--ip=10.199.7.7", image, "sleep", "600")
		e.does("run", "--rm", "--network=n1", image, "busybox", "ping", "-c1", "-w30", "10.199.7.7")
		e.does("network", "disconnect", "n1", "c1")
		e.does("network", "connect", "--ip=10.199.7.8", "n1", "c1")
		e.does("run", "--rm", "--network=n1", image, "busybox", "ping", "-c1", "-w30", "10.199.7.8")
	}},
	{"device rules", func(e *engine) {
		e.does("run", "--rm", "--device-cgroup-rule=c 10:229 rwm", "--device-cgroup-rule=b 1:* rm", image, "mknod", "/tmp/d", "c", "10", "229")
		e.ends(1, nil, "run", "--rm", "--device-cgroup-rule=b 1:* rm", image, "sh", "-c", "mknod /tmp/d c 10 229")
	}},
	{"cgroup parent", func(e *engine) {
		e.has([]string{"/docker/tests/"}, "run", "--rm", "--cgroupns=host", "--cgroup-parent=/docker/tests", image, "cat", "/proc/self/cgroup")
	}},
	{"shared memory and OOM score", func(e *engine) {
		e.has([]string{"size=2048k"}, "run", "--rm", "--shm-size=2m", image, "grep", " /dev/shm ", "/proc/mounts")
		e.does("run", "-d", "--name", "c1", "--oom-score-adj=500", image, "sleep", "600")
		e.says("500", "exec", "c1", "cat", "/proc/1/oom_score_adj")
	}},
	{"processors are refused", func(e *engine) {
		e.ends(125, []string{"could not select device driver"}, "run", "--rm", "--gpus=all", image, "true")
	}},
	{"paths of the system", func(e *engine) {
		out := e.does("run", "--rm", "--security-opt=systempaths=unconfined", image, "cat", "/proc/self/mountinfo")
		if strings.Contains(out, " /proc/") {
			e.fail("%s", out)
		}
	}},
	{"checkpoint is refused", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		if r := e.try("checkpoint", "create", "c1", "p1"); r.status == 0 {
			e.fail("%+v", r)
		}
		e.says("running", "inspect", "--format", "{{.State.Status}}", "c1")
	}},
}

var dockerRemapped = []operation{
	{"ids", func(e *engine) {
		e.says("0 600000 65536", "run", "--rm", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
		e.says("0 0 4294967295", "run", "--rm", "--userns=host", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
	}},
	{"exec", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.says("0", "exec", "c1", "id", "-u")
		e.says("uid=1000(user) gid=1000(user) groups=1000(user),2000(extra)", "exec", "--user=user", "c1", "id")
		e.says("0", "exec", "--privileged", "c1", "id", "-u")
		if out := e.terminal("tty; exit 0\n", "exec", "-it", "c1", "sh"); !strings.Contains(out, "/dev/pts/") {
			e.fail("%q", out)
		}
		e.does("cp", e.file("copied", "content"), "c1:/tmp/copied")
		e.says("content", "exec", "c1", "cat", "/tmp/copied")
	}},
	{"volumes", func(e *engine) {
		dir := e.directory("source")
		must2(e, os.Chown(dir, 600000, 600000))
		e.says("0", "run", "--rm", "-v", dir+":/data", image, "sh", "-c", "touch /data/new && stat -c %u /data/new")
		if got := e.owners(dir, "new"); got != "600000:600000" {
			e.fail("owner: %s", got)
		}
		e.does("run", "--rm", "-v", "v1:/data", image, "touch", "/data/new")
	}},
	{"terminal, device, sysctl", func(e *engine) {
		if out := e.terminal("tty; exit 0\n", "run", "--rm", "-it", image, "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
		e.says("1 7", "run", "--rm", "--device=/dev/full", image, "stat", "-c", "%t %T", "/dev/full")
		e.says("1", "run", "--rm", "--sysctl=net.ipv4.ip_forward=1", image, "cat", "/proc/sys/net/ipv4/ip_forward")
		e.does("run", "--rm", "--read-only", "--tmpfs=/tmp", image, "touch", "/tmp/new")
	}},
	{"shared pid namespace", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.has([]string{"sleep 600"}, "run", "--rm", "--pid=container:c1", image, "ps")
	}},
	{"build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+image+"\nRUN echo built >/built && chown user /built\nUSER user\nRUN id -u >/tmp/id\n"), 0o644))
		e.does("build", "--network=none", "-t", "built", dir)
		e.says("built 1000 1000", "run", "--rm", "built", "sh", "-c", "echo $(cat /built /tmp/id; stat -c %u /built)")
	}},
}
