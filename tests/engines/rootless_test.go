package engines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The user whose containers these are is known in this mount namespace alone.
const (
	rootlessUID  = 23456
	rootlessName = "tare-engines"
)

// addUser gives the user an entry in the files of accounts, and a range of subordinate ids.
var addUser = sync.OnceValue(func() error {
	id := strconv.Itoa(rootlessUID)
	for path, line := range map[string]string{
		"/etc/passwd": rootlessName + ":x:" + id + ":" + id + "::/run/tests/home:/bin/sh",
		"/etc/group":  rootlessName + ":x:" + id + ":",
		"/etc/subuid": rootlessName + ":600000:65536",
		"/etc/subgid": rootlessName + ":600000:65536",
	} {
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		copied := filepath.Join("/run", "tests", filepath.Base(path))
		if err := os.WriteFile(copied, append(text, line+"\n"...), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(copied, path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for _, dir := range []string{"home", "runtime"} {
		path := filepath.Join(workspace, dir)
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := os.Chown(path, rootlessUID, rootlessUID); err != nil {
			return err
		}
	}
	return nil
})

func rootlessPodman(t *testing.T) func(runtime string) *engine {
	t.Helper()
	requireEngine(t, "podman", "conmon", "runc", "newuidmap", "setpriv")
	must(t, setUpPodman())
	must(t, addUser())
	// The tree that is tested may lie where only root can go.
	program, err := os.ReadFile(tare)
	must(t, err)
	own := filepath.Join(workspace, "tare")
	must(t, os.WriteFile(own, program, 0o755))
	must(t, os.Chmod(archive(t), 0o644))
	home := filepath.Join(workspace, "home")
	with := func(runtime string) *engine {
		path := own
		if runtime != "tare" {
			path, _ = exec.LookPath(runtime)
		}
		id := strconv.Itoa(rootlessUID)
		return &engine{
			name: "rootless podman", runtime: runtime, noProgram: 127,
			command: []string{"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "--", "podman", "--runtime", path},
			env:     []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + filepath.Join(workspace, "runtime"), "USER=" + rootlessName},
			clean: func(e *engine) {
				e.try("rm", "--all", "--force", "--time=0", "--volumes")
			},
		}
	}
	load := with("tare")
	if r := load.tryIn(home, "", "load", "--quiet", "--input", archive(t)); r.status != 0 {
		t.Fatalf("podman load: %s", r.output)
	}
	return with
}

// A8 R1: Podman of a user calls the runtime as root of its own user namespace.
func TestRootlessPodman(t *testing.T) { perform(t, rootlessPodman(t), rootlessOperations) }

var rootlessOperations = []operation{
	{"run", func(e *engine) { e.says("hello", "run", "--rm", image, "echo", "hello") }},
	{"exit status", func(e *engine) { e.ends(42, nil, "run", "--rm", image, "sh", "-c", "exit 42") }},
	{"detached, logs, exec, stop", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sh", "-c", "echo ready; sleep 600")
		e.eventually("ready", "logs", "c1")
		e.says("0", "exec", "c1", "id", "-u")
		e.ends(9, nil, "exec", "c1", "sh", "-c", "exit 9")
		e.does("stop", "-t=0", "c1")
		e.says("137", "inspect", "--format", "{{.State.ExitCode}}", "c1")
	}},
	{"kill", func(e *engine) {
		e.does("run", "-d", "--name", "c1", image, "sleep", "600")
		e.does("kill", "--signal=KILL", "c1")
		e.says("137", "wait", "c1")
	}},
	{"terminal", func(e *engine) {
		if out := e.terminal("tty; exit 0\n", "run", "--rm", "-it", image, "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
	}},
	{"ids", func(e *engine) {
		e.says("0 23456 1 1 600000 65536", "run", "--rm", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
		e.says("1000", "run", "--rm", "--user", "user", image, "id", "-u")
		e.says("23456", "run", "--rm", "--userns=keep-id", image, "id", "-u")
	}},
	{"statuses", func(e *engine) {
		e.ends(127, []string{"executable file"}, "run", "--rm", image, "nosuch")
		e.ends(126, []string{"ermission denied"}, "run", "--rm", image, "/etc/plain")
	}},
	{"read-only and tmpfs", func(e *engine) {
		e.ends(1, []string{"Read-only file system"}, "run", "--rm", "--read-only", image, "touch", "/etc/new")
		e.has([]string{"tmpfs on /scratch"}, "run", "--rm", "--tmpfs", "/scratch", image, "mount")
	}},
	{"volumes", func(e *engine) {
		dir := e.directory("source")
		must2(e, os.Chown(dir, rootlessUID, rootlessUID))
		e.does("run", "--rm", "-v", dir+":/data", image, "touch", "/data/made")
		if _, err := os.Stat(filepath.Join(dir, "made")); err != nil {
			e.fail("%v", err)
		}
	}},
	{"volume that is given away", func(e *engine) {
		dir := e.directory("source")
		must2(e, os.Chown(dir, rootlessUID, rootlessUID))
		e.says("1000", "run", "--rm", "--user=user", "-v", dir+":/data:U", image, "stat", "-c", "%u", "/data")
		if got := e.owners(dir, "."); got != "600999:600999" {
			e.fail("owner: %s", got)
		}
	}},
	{"user namespaces", func(e *engine) {
		e.says("7 8", "run", "--rm", "--userns=keep-id:uid=7,gid=8", image, "sh", "-c", "echo $(id -u) $(id -g)")
		e.says("0 1 65536", "run", "--rm", "--userns=nomap", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
		e.says("0 100 500", "run", "--rm", "--uidmap=0:100:500", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
		e.does("run", "-d", "--name", "c1", "--userns=auto:size=2000", image, "sleep", "600")
		if got := e.mapOf("c1", "uid"); !strings.HasSuffix(got, " 2000") {
			e.fail("%q", got)
		}
		e.says("12", "exec", "--user=12:34", "c1", "id", "-u")
	}},
	{"pod with the user's id", func(e *engine) {
		e.does("pod", "create", "--name", "p1", "--userns=keep-id", "--infra-image", image, "--infra-command", "/bin/sleep 600", "--share", "net,ipc,uts", "--network=none")
		e.does("run", "-d", "--pod", "p1", "--name", "c1", image, "sleep", "600")
		e.says("23456", "exec", "c1", "id", "-u")
		e.says("23456", "run", "--rm", "--pod", "p1", image, "id", "-u")
		e.does("pod", "rm", "--force", "--time=0", "p1")
	}},
	{"groups of the user", func(e *engine) {
		dir := e.directory("group")
		must2(e, os.Chown(dir, 0, 54321))
		must2(e, os.Chmod(dir, 0o770))
		with := *e
		with.command = append([]string{}, e.command...)
		for i, word := range with.command {
			if word == "--clear-groups" {
				with.command[i] = "--groups=54321"
			}
		}
		with.does("run", "-d", "--name", "c1", "--group-add=keep-groups", "-v", dir+":/data", image, "sleep", "600")
		with.does("exec", "c1", "touch", "/data/new")
	}},
	{"privileged", func(e *engine) {
		e.does("run", "--rm", "--privileged", image, "mount", "-t", "tmpfs", "tmpfs", "/tmp")
	}},
	{"network of the host", func(e *engine) { e.does("run", "--rm", "--network=host", image, "true") }},
	{"capabilities and seccomp", func(e *engine) {
		e.says("CapEff: 0000000000000000 Seccomp: 2", "run", "--rm", "--cap-drop=all", image, "sh", "-c", "echo $(grep -E 'CapEff|Seccomp:' /proc/self/status)")
	}},
	{"build", func(e *engine) {
		dir := e.directory("context")
		must2(e, os.WriteFile(filepath.Join(dir, "Containerfile"), []byte("FROM "+image+"\nRUN id -u >/built\n"), 0o644))
		e.does("build", "--isolation=oci", "--network=none", "--pull-never", "-t", "localhost/built", dir)
		e.says("0", "run", "--rm", "localhost/built", "cat", "/built")
	}},
}
