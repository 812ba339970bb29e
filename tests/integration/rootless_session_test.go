package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// session is a bundle of a user who has a systemd of its own.
type session struct {
	*bundle
	uid     int
	manager string // directory of the cgroup of the user's systemd
}

// newSession makes a bundle of what `tare spec --rootless` writes for that user.
func newSession(t *testing.T) *session {
	t.Helper()
	requireSystemd(t)
	skipUnless(t, commandExists("setpriv") && commandExists("nsenter"), "setpriv or nsenter is missing (util-linux)")
	s := &session{bundle: newBundle(t), uid: sessionUser(t)}
	s.manager = "/sys/fs/cgroup" + strings.TrimSpace(systemctl(t, "show", "--property=ControlGroup", "--value", "user@"+itoa(s.uid)+".service"))
	must(t, os.Chmod(workspace, 0o755))
	t.Cleanup(func() { must(t, os.Chmod(workspace, 0o700)) })
	must(t, filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() == "busybox" { // one file for all bundles
			return err
		}
		return os.Lchown(path, s.uid, s.uid)
	}))
	s.outside("spec", "--rootless").succeeds()
	s.spec = new(specs.Spec)
	must(t, json.Unmarshal([]byte(read(t, s.dir+"/config.json")), s.spec))
	s.spec.Root.Readonly, s.spec.Process.Terminal = false, false
	return s
}

// inUnit runs the binary in a unit of the user's systemd, as a desktop starts its programs.
func (s *session) inUnit(args ...string) result {
	s.t.Helper()
	unit := []string{"systemd-run", "--user", "--quiet", "--pipe", "--wait", "--collect", "-p", "Delegate=yes", "--working-directory=" + s.dir, "--"}
	return s.as(unit, args)
}

// outside runs it where the user may not move processes, as in a session of ssh.
func (s *session) outside(args ...string) result {
	s.t.Helper()
	return s.as(nil, args)
}

func (s *session) as(prefix, args []string) result {
	s.t.Helper()
	program, err := rootlessBinary()
	must(s.t, err)
	if s.spec != nil && args[0] != "spec" {
		s.writeConfig()
	}
	dir := s.t.TempDir()
	stdout, stderr := create(s.t, filepath.Join(dir, "stdout")), create(s.t, filepath.Join(dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	// In the mount namespace of the host, where the sessions of users have their directories.
	runtimeDir := "/run/user/" + itoa(s.uid)
	command := []string{
		"--mount=/proc/1/ns/mnt", "setpriv", "--reuid=" + itoa(s.uid), "--regid=" + itoa(s.uid), "--init-groups", "--",
		"env", "-C", s.dir, "XDG_RUNTIME_DIR=" + runtimeDir, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + runtimeDir + "/bus",
	}
	command = append(append(command, prefix...), program, "--root", s.dir+"/state")
	c := exec.Command("nsenter", append(command, args...)...)
	c.Stdout, c.Stderr = stdout, stderr
	if err := c.Run(); err != nil && c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return result{
		t: s.t, args: args, status: c.ProcessState.ExitCode(), stdout: read(s.t, stdout.Name()), stderr: read(s.t, stderr.Name()), stdoutFile: stdout.Name(),
	}
}

// limits asks for what systemd can be told to delegate to users.
func (s *session) limits() {
	limit, memory, shares := int64(100), int64(64<<20), uint64(1024)
	s.spec.Linux.Resources = &specs.LinuxResources{
		Pids: &specs.LinuxPids{Limit: &limit}, Memory: &specs.LinuxMemory{Limit: &memory}, CPU: &specs.LinuxCPU{Shares: &shares, Cpus: "0"},
	}
}

// R4 J3: with the systemd driver a user has a scope and limits, wherever the runtime is called.
func TestSystemdUserSession(t *testing.T) {
	s := newSession(t)
	s.limits()
	s.spec.Process.Args = []string{"sh", "-c", "cd /sys/fs/cgroup; cat pids.max memory.max cpu.weight cpuset.cpus"}
	for name, tare := range map[string]func(...string) result{"in a unit": s.inUnit, "outside": s.outside} {
		r := tare("--systemd-cgroup", "run", s.id).succeeds()
		wants(t, "limits "+name, strings.Join(strings.Fields(r.stdout), " "), "100 67108864 100 0")
	}

	s.spec.Process.Args = []string{"sleep", "600"}
	s.outside("--systemd-cgroup", "create", "--pid-file", s.dir+"/pid", s.id).succeeds()
	s.pid = atoi(t, read(t, s.dir+"/pid"))
	inits[s.pid] = true
	s.outside("start", s.id).succeeds()
	scope := s.manager + "/user.slice/tare-" + s.id + ".scope"
	wants(t, "cgroup", strings.TrimSpace(read(t, "/proc/"+itoa(s.pid)+"/cgroup")), "0::"+strings.TrimPrefix(scope, "/sys/fs/cgroup"))
	s.inUnit("exec", s.id, "sh", "-c", "exit 9").exits(9)
	s.outside("exec", s.id, "true").refuses("clone3", "permission denied", "systemd-run --user --scope")
	s.outside("pause", s.id).succeeds()
	s.outside("resume", s.id).succeeds()
	s.outside("kill", s.id, "KILL").succeeds()
	s.wait()
	s.outside("delete", s.id).succeeds()
	eventually(t, "the scope is gone", func() bool { return !exists(scope) })

	pages := []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1 << 21}}
	s.spec.Linux.Resources = &specs.LinuxResources{HugepageLimits: pages} // which no systemd passes on to users
	s.inUnit("--systemd-cgroup", "run", s.id).fails("/linux/resources/hugepageLimits", "hugetlb")
	eventually(t, "the scope is gone", func() bool { return !exists(scope) })
}

// R3 R4: with the cgroupfs driver a container has a cgroup in units of the user, and none elsewhere. A limit it cannot have: a
// cgroup with processes, among them the runtime, passes no controllers on. The error says which way there is.
func TestSystemdUserCgroupfs(t *testing.T) {
	s := newSession(t)
	s.spec.Process.Args = []string{"readlink", "/proc/self/ns/user"}
	s.inUnit("run", s.id).succeeds()
	s.outside("run", s.id).succeeds()
	s.outside("--rootless=false", "run", s.id).fails("cgroup", "permission denied")
	s.limits()
	s.inUnit("run", s.id).fails("/linux/resources/", "cgroup.subtree_control", "device or resource busy", "--systemd-cgroup")
	s.outside("run", s.id).fails("/linux/resources/", "is not delegated", "permission denied", "--systemd-cgroup")

	unit := "tare-it-" + s.id + ".service"
	place := s.manager + "/app.slice/" + unit
	s.spec.Linux.CgroupsPath = strings.TrimPrefix(place, "/sys/fs/cgroup") + "/container"
	s.spec.Process.Args = []string{"cat", "/sys/fs/cgroup/pids.max"}
	beside := "mkdir " + place + "/beside && echo 0 >" + place + "/beside/cgroup.procs && exec \"$@\""
	r := s.as([]string{"systemd-run", "--user", "--quiet", "--pipe", "--wait", "--collect", "-p", "Delegate=yes", "--unit=" + unit, "--working-directory=" + s.dir,
		"--", "sh", "-c", beside, "sh"}, []string{"run", s.id})
	wants(t, "limit beside the runtime", r.succeeds().stdout, "100\n")
	if left := names(t, s.dir+"/state"); len(left) > 1 {
		t.Errorf("left in the runtime root: %q", left)
	}
}

// exits demands an exit status.
func (r result) exits(status int) {
	r.t.Helper()
	if r.status != status {
		r.t.Errorf("%v, want status %d", r, status)
	}
}
