package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// subordinate gives names ranges of ids, in files that this mount namespace alone sees.
func subordinate(lines string) error {
	for _, path := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		file, err := os.CreateTemp(workspace, filepath.Base(path))
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.WriteString(string(text) + lines); err != nil {
			return err
		}
		if err := file.Chmod(0o644); err != nil {
			return err
		}
		if err := unix.Mount(file.Name(), path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	return nil
}

// addContainersUser is whose ids Podman takes for --userns=auto.
var addContainersUser = sync.OnceValue(func() error { return subordinate("containers:200000:200000\n") })

// A8 G1: Podman's ways to ask for user namespaces.
func TestPodmanUserNamespaces(t *testing.T) {
	with := podman(t)
	must(t, addContainersUser())
	perform(t, with, podmanUserOperations)
}

// mapOf is the map of ids of a container that runs, one line, single spaces.
func (e *engine) mapOf(name, kind string) string {
	return strings.Join(strings.Fields(e.does("exec", name, "cat", "/proc/self/"+kind+"_map")), " ")
}

// owners are those of files of the host.
func (e *engine) owners(dir string, names ...string) string {
	var all []string
	for _, name := range names {
		var st unix.Stat_t
		must2(e, unix.Lstat(filepath.Join(dir, name), &st))
		all = append(all, fmt.Sprintf("%d:%d", st.Uid, st.Gid))
	}
	return strings.Join(all, " ")
}

// volume is a directory of root with a file.
func (e *engine) volume() string { return filepath.Dir(e.file("old", "content")) }

var podmanUserOperations = []operation{
	{"userns auto", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--userns=auto:size=3000", image, "sleep", "600")
		e.does("run", "-d", "--name", "c2", "--userns=auto:size=3000", image, "sleep", "600")
		one, two := e.mapOf("c1", "uid"), e.mapOf("c2", "uid")
		if one == two || !strings.HasPrefix(one, "0 20") || !strings.HasSuffix(one, " 3000") || !strings.HasSuffix(two, " 3000") {
			e.fail("%q, %q", one, two)
		}
		e.says("1000", "exec", "--user=user", "c1", "id", "-u")
	}},
	{"names of subordinate ids", func(e *engine) {
		e.says("0 200000 200000", "run", "--rm", "--subuidname=containers", "--subgidname=containers", image, "sh", "-c", "echo $(cat /proc/self/uid_map)")
	}},
	{"different maps of users and groups", func(e *engine) {
		e.says("0 100000 3000 0 200000 5000 12 34", "run", "--rm", "--uidmap=0:100000:3000", "--gidmap=0:200000:5000",
			"--user=12:34", image, "sh", "-c", "echo $(cat /proc/self/uid_map /proc/self/gid_map) $(id -u) $(id -g)")
	}},
	{"user namespace of another container", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--userns=auto", image, "sleep", "600")
		e.says(e.does("exec", "c1", "readlink", "/proc/self/ns/user"), "run", "--rm", "--userns=container:c1", image, "readlink", "/proc/self/ns/user")
	}},
	{"user namespace of a pod", func(e *engine) {
		e.does("pod", "create", "--name", "p1", "--userns=auto", "--infra-image", image, "--infra-command", "/bin/sleep 600", "--share", "net,ipc,uts")
		e.does("run", "-d", "--pod", "p1", "--name", "c1", image, "sleep", "600")
		e.does("run", "-d", "--pod", "p1", "--name", "c2", image, "sleep", "600")
		for _, kind := range []string{"user", "net", "ipc", "uts"} {
			e.says(e.does("exec", "c1", "readlink", "/proc/self/ns/"+kind), "exec", "c2", "readlink", "/proc/self/ns/"+kind)
		}
		e.does("pod", "rm", "--force", "--time=0", "p1")
	}},
	{"volume that is given away", func(e *engine) {
		dir := e.volume()
		e.says("0", "run", "--rm", "--uidmap=0:100000:5000", "-v", dir+":/data:U", image, "sh", "-c", "touch /data/new && stat -c %u /data/old")
		if got := e.owners(dir, ".", "old", "new"); got != "100000:100000 100000:100000 100000:100000" {
			e.fail("owners: %s", got)
		}
	}},
	{"volume seen through the maps", func(e *engine) {
		dir := e.volume()
		e.says("0:0", "run", "--rm", "--uidmap=0:100000:5000", "--gidmap=0:200000:5000", "-v", dir+":/data:idmap", image,
			"sh", "-c", "touch /data/new && stat -c %u:%g /data/old")
		if got := e.owners(dir, ".", "old", "new"); got != "0:0 0:0 0:0" {
			e.fail("owners: %s", got)
		}
	}},
	{"named volume in a user namespace", func(e *engine) {
		e.does("volume", "create", "v1")
		e.does("run", "--rm", "--uidmap=0:100000:5000", "-v", "v1:/data", image, "sh", "-c", "echo kept >/data/file")
		e.says("kept 0", "run", "--rm", "--uidmap=0:100000:5000", "-v", "v1:/data:ro", image, "sh", "-c", "echo $(cat /data/file; stat -c %u /data/file)")
	}},
	{"privileged in a user namespace", func(e *engine) {
		e.does("run", "--rm", "--privileged", "--uidmap=0:100000:5000", image, "mount", "-t", "tmpfs", "tmpfs", "/tmp")
	}},
	{"terminal and exec in a user namespace", func(e *engine) {
		e.does("run", "-d", "--name", "c1", "--uidmap=0:100000:5000", image, "sleep", "600")
		if out := e.terminal("tty; stat -c %u $(tty); exit 0\n", "exec", "-it", "c1", "sh"); !strings.Contains(out, "/dev/pts/") {
			e.fail("%q", out)
		}
		if out := e.terminal("tty; exit 0\n", "run", "--rm", "--uidmap=0:100000:5000", "-it", image, "sh"); !strings.Contains(out, "/dev/pts/0") {
			e.fail("%q", out)
		}
	}},
	{"devices in a user namespace", func(e *engine) {
		e.says("1 7", "run", "--rm", "--uidmap=0:100000:5000", "--device=/dev/full:/dev/f", image, "stat", "-c", "%t %T", "/dev/f")
	}},
	{"limits and sysctls in a user namespace", func(e *engine) {
		e.says("100 1", "run", "--rm", "--uidmap=0:100000:5000", "--ulimit=nofile=100:200", "--ulimit=nproc=1000:1000", "--sysctl=net.ipv4.ip_forward=1", image,
			"sh", "-c", "echo $(ulimit -n) $(cat /proc/sys/net/ipv4/ip_forward)")
	}},
}
