package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rootlessUID is the user that runs containers without privileges. It exists in the files of the test alone.
const rootlessUID = 54321

// rootless is a bundle of a user who is not root. Every run of the binary is in a mount namespace of its own, in which that
// user is in /etc/passwd and has the sub-ids that the test gives.
type rootless struct {
	*bundle
	subids string // what /etc/subuid and /etc/subgid say
	groups string // supplementary groups of the user, separated by commas; empty for none
	cgroup string // directory of the cgroup to run in; empty for that of the test
}

// newRootless makes a bundle of what `tare spec --rootless` writes for that user.
func newRootless(t *testing.T, options ...option) *rootless {
	t.Helper()
	b := newBundle(t)
	skipUnless(t, commandExists("unshare") && commandExists("setpriv"), "unshare or setpriv is missing (util-linux)")
	r := &rootless{bundle: b}
	must(t, os.Chmod(workspace, 0o711)) // so that the user can get to the bundle
	must(t, os.Mkdir(b.dir+"/xdg", 0o700))
	r.own()
	must(t, os.WriteFile(b.dir+"/passwd", []byte("root:x:0:0::/:/bin/sh\ntare-test:x:"+strconv.Itoa(rootlessUID)+":"+strconv.Itoa(rootlessUID)+"::/:/bin/sh\n"), 0o644))
	if output := r.tare("spec", "--rootless").succeeds(); output.stdout != "" {
		t.Error(output)
	}
	b.spec = new(specs.Spec)
	must(t, json.Unmarshal([]byte(read(t, b.dir+"/config.json")), b.spec))
	b.spec.Root.Readonly, b.spec.Process.Terminal = false, false
	for _, change := range options {
		change(b.spec)
	}
	return r
}

// own gives everything in the bundle to the user. busybox is a file that other bundles share.
func (r *rootless) own() {
	must(r.t, filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() == "busybox" {
			return err
		}
		return os.Lchown(path, rootlessUID, rootlessUID)
	}))
}

// rootlessBinary copies the binary to where the user can execute it.
var rootlessBinary = sync.OnceValues(func() (string, error) {
	program, err := os.ReadFile(tare)
	if err != nil {
		return "", err
	}
	path := filepath.Join(workspace, "tare-of-user")
	return path, os.WriteFile(path, program, 0o755)
})

func commandExists(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

const rootlessScript = `set -e
for f in passwd subuid subgid; do [ ! -e "$DIR/$f" ] || { [ -e /etc/$f ] || exit 77; mount --bind "$DIR/$f" /etc/$f; }; done
[ -z "$CGROUP" ] || echo $$ >"$CGROUP/cgroup.procs"
exec setpriv --reuid "$ID" --regid "$ID" $SUPPLEMENTARY env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin XDG_RUNTIME_DIR="$DIR/xdg" "$@"`

// environment is what rootlessScript wants to know.
func (r *rootless) environment() []string {
	supplementary := "--clear-groups"
	if r.groups != "" {
		supplementary = "--groups=" + r.groups
	}
	return []string{"DIR=" + r.dir, "ID=" + strconv.Itoa(rootlessUID), "CGROUP=" + r.cgroup, "SUPPLEMENTARY=" + supplementary}
}

// tare runs the binary as the user, from the bundle, with the runtime root that is the default.
func (r *rootless) tare(args ...string) result {
	r.t.Helper()
	for _, f := range []string{"subuid", "subgid"} {
		must(r.t, os.WriteFile(filepath.Join(r.dir, f), []byte(r.subids), 0o644))
	}
	program, err := rootlessBinary()
	must(r.t, err)
	if r.spec != nil && args[0] != "spec" {
		r.writeConfig()
	}
	dir := r.t.TempDir()
	stdout, stderr := create(r.t, filepath.Join(dir, "stdout")), create(r.t, filepath.Join(dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	c := exec.Command("unshare", append([]string{"-m", "sh", "-c", rootlessScript, "sh", program}, args...)...)
	c.Dir, c.Stdout, c.Stderr = r.dir, stdout, stderr
	c.Env = append(os.Environ(), r.environment()...)
	err = c.Run()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); err != nil && (!ok || !status.Exited()) {
		r.t.Fatalf("%v: %v", args, err)
	}
	return result{t: r.t, args: args, status: c.ProcessState.ExitCode(), stdout: read(r.t, stdout.Name()), stderr: read(r.t, stderr.Name()), stdoutFile: stdout.Name()}
}

// R1 R7 B1 C33: what `spec --rootless` writes runs as it is: one id, no network of its own, /sys by bind, devices by bind.
func TestRootless(t *testing.T) {
	r := newRootless(t, withArgs("sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/setgroups; ls -d /sys/kernel; echo x >/dev/null; echo own >/tmp/file"))
	out := r.tare("run", r.id).succeeds()
	wants(t, "output", strings.Join(strings.Fields(out.stdout), " "), "0 0 54321 1 deny /sys/kernel")
	wants(t, "owner on the host of what root made", strconv.Itoa(int(fileOwner(t, r.path("tmp/file")))), "54321")
	st, err := os.Stat(r.dir + "/xdg/tare")
	must(t, err)
	if st.Mode().Perm() != 0o700 || st.Mode()&os.ModeSticky == 0 {
		t.Errorf("the runtime root has mode %v", st.Mode())
	}
	r.mountsUnchanged()
}

// R1: the whole life of a container, each verb as the user.
func TestRootlessVerbs(t *testing.T) {
	r := newRootless(t, withArgs("sleep", "600"))
	r.tare("create", "--pid-file", r.dir+"/pid", r.id).succeeds()
	r.pid = atoi(t, read(t, r.dir+"/pid"))
	inits[r.pid] = true
	status := func() string {
		var c container
		r.tare("state", r.id).decode(&c)
		return c.Status
	}
	wants(t, "status", status(), "created")
	r.tare("start", r.id).succeeds()
	wants(t, "status", status(), "running")
	wants(t, "exec", r.tare("exec", r.id, "sh", "-c", "id -u; readlink /proc/self/ns/user").succeeds().stdout, "0\n"+r.namespace("user")+"\n")
	r.tare("kill", r.id, "KILL").succeeds()
	r.wait()
	wants(t, "status", status(), "stopped")
	r.tare("delete", r.id).succeeds()
}

// R1 G10 E12: ranges of ids come from newuidmap and newgidmap, and then groups can be set.
func TestRootlessSubids(t *testing.T) {
	r := newRootless(t, withShell("cat /proc/self/uid_map /proc/self/setgroups; id -G"))
	skipUnless(t, commandExists("newuidmap"), "newuidmap is missing (Debian: uidmap)")
	r.subids = "tare-test:700000:65536\n"
	list := []specs.LinuxIDMapping{{ContainerID: 0, HostID: rootlessUID, Size: 1}, {ContainerID: 1, HostID: 700000, Size: 65536}}
	r.spec.Linux.UIDMappings, r.spec.Linux.GIDMappings = list, list
	r.spec.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{44}}
	out := r.tare("run", r.id).succeeds()
	wants(t, "output", strings.Join(strings.Fields(out.stdout), " "), "0 54321 1 1 700000 65536 allow 1000 44")

	r.subids = "tare-test:800000:65536\n"
	r.tare("run", r.id).fails("/linux/uidMappings", "newuidmap", "/etc/subuid gives user tare-test 800000:65536", "asked for are 54321:1, 700000:65536")
	r.subids = "other:700000:65536\n"
	r.tare("run", r.id).fails("newuidmap", "/etc/subuid has no line for user tare-test", "tare-test:100000:65536")
}

// E12: without a mapping for groups there are none to be had.
func TestRootlessGroups(t *testing.T) {
	r := newRootless(t, withProcess(func(p *specs.Process) { p.User.AdditionalGids = []uint32{44} }))
	r.tare("run", r.id).fails("/process/user/additionalGids/0", "has no mapping")
	r.spec.Process.User.AdditionalGids = []uint32{0} // is mapped, but setgroups is denied (G11)
	r.tare("run", r.id).fails("/process/user", "setgroups", "remove additionalGids")
}

// R2: who is not root needs a user namespace.
func TestRootlessNeedsUserNamespace(t *testing.T) {
	r := newRootless(t, withoutNamespace(specs.UserNamespace), withLinux(func(l *specs.Linux) { l.UIDMappings, l.GIDMappings = nil, nil }))
	r.tare("run", r.id).fails("/linux/namespaces", "needs a user namespace", "tare spec --rootless")
}

// R3 H22 B9: without delegation a container has no cgroup and no device filter, which is fine until it asks for a limit; and
// with --rootless=false nothing may be missing.
func TestRootlessWithoutDelegation(t *testing.T) {
	r := newRootless(t, withArgs("true"))
	r.tare("run", r.id).succeeds()
	r.spec.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	r.tare("run", r.id).succeeds()
	limit := int64(1 << 20)
	r.spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	r.tare("run", r.id).fails("/linux/resources/pids", "pids controller is not delegated", "permission denied", "--systemd-cgroup")
	r.spec.Linux.Resources.Pids = nil
	r.tare("--rootless=false", "run", r.id).fails("cgroup", "permission denied")
	if left := names(t, r.dir+"/xdg/tare"); len(left) > 1 {
		t.Errorf("left in the runtime root: %q", left)
	}
}

// R3 J14: in a cgroup that is delegated the container gets one of its own, below the runtime's, and may write to it; a
// controller that is not there is named when a limit needs it.
func TestRootlessDelegated(t *testing.T) {
	requireRoot(t)
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		t.Skip("delegation to users is for hosts with cgroup v2 alone (tests/cgroup2-view)")
	}
	r := newRootless(t, withShell("grep ^0:: /proc/self/cgroup; sleep 600"), withoutNamespace(specs.CgroupNamespace))
	parent := "/sys/fs/cgroup/" + r.id + "-user"
	r.cgroup = parent
	must(t, os.Mkdir(parent, 0o755))
	t.Cleanup(func() { must(t, os.Remove(parent)) }) // after the container's, which is newer
	for _, file := range []string{"", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"} {
		must(t, os.Chown(parent+file, rootlessUID, rootlessUID))
	}
	created := r.tare("create", "--pid-file", r.dir+"/pid", r.id).succeeds()
	r.pid, r.stdout = atoi(t, read(t, r.dir+"/pid")), created.stdoutFile
	inits[r.pid] = true
	r.tare("start", r.id).succeeds()
	wants(t, "cgroup", r.printed(), "0::"+strings.TrimPrefix(parent, "/sys/fs/cgroup")+"/"+r.id)
	r.tare("exec", r.id, "true").succeeds()
	r.cgroup = "" // whoever is elsewhere may not move a process into it
	r.tare("exec", r.id, "true").refuses("clone3", "permission denied", "delegated together with it")
	r.cgroup = parent
	r.tare("kill", r.id, "KILL").succeeds()
	r.wait()
	r.tare("delete", r.id).succeeds()
	if _, err := os.Stat(parent + "/" + r.id); err == nil {
		t.Error("the cgroup is left")
	}
	limit := int64(1000)
	r.spec.Linux.Resources = &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}
	r.tare("run", r.id).fails("pids")
}

// CVE-2023-25809: without a cgroup of its own the container sees the runtime's, read-only whatever config.json says.
func TestRootlessCgroupMountIsReadonly(t *testing.T) {
	for _, namespace := range []bool{true, false} {
		r := newRootless(t, withShell("grep ' /sys/fs/cgroup' /proc/self/mountinfo | grep cgroup.*cgroup | busybox tail -n +1 | busybox awk '{print $5, $6}'"))
		if !namespace {
			withoutNamespace(specs.CgroupNamespace)(r.spec)
		}
		last := &r.spec.Mounts[len(r.spec.Mounts)-1]
		if last.Type != "cgroup" {
			t.Fatalf("the last mount is %+v", last)
		}
		last.Options = []string{"rw", "rrw", "nosuid"}
		covered := map[string]string{} // the topmost mount at each place is listed last
		for line := range strings.Lines(r.tare("run", r.id).succeeds().stdout) {
			place, options, _ := strings.Cut(strings.TrimSpace(line), " ")
			covered[place] = options
		}
		if len(covered) == 0 {
			t.Error("no cgroup mount is there")
		}
		for place, options := range covered {
			if !strings.HasPrefix(options, "ro") {
				t.Errorf("cgroup namespace %v: %s is mounted %s", namespace, place, options)
			}
		}
	}
}

// E22 R6: a lower OOM score is not to be had, which confines nothing; a higher limit is an error that says so.
func TestRootlessPrivileges(t *testing.T) {
	score := -500
	r := newRootless(t, withArgs("cat", "/proc/self/oom_score_adj"), withProcess(func(p *specs.Process) { p.OOMScoreAdj = &score }))
	own := strings.TrimSpace(read(t, "/proc/self/oom_score_adj"))
	wants(t, "score", strings.TrimSpace(r.tare("run", r.id).succeeds().stdout), own)
	score = 700
	wants(t, "score", strings.TrimSpace(r.tare("run", r.id).succeeds().stdout), "700")
	score = -500
	withoutMount("/sys/fs/cgroup")(r.spec)
	r.tare("--rootless=false", "--cgroup-manager=disabled", "run", r.id).fails("/process/oomScoreAdj", "CAP_SYS_RESOURCE")
	r.spec.Process.OOMScoreAdj = nil
	r.spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1 << 30, Soft: 1024}}
	r.tare("run", r.id).fails("/process/rlimits", "operation not permitted")
}

// D16 E22: the same for an exec.
func TestRootlessExecScore(t *testing.T) {
	r := newRootless(t, withArgs("sleep", "600"))
	r.tare("create", "--pid-file", r.dir+"/pid", r.id).succeeds()
	r.pid = atoi(t, read(t, r.dir+"/pid"))
	inits[r.pid] = true
	r.tare("start", r.id).succeeds()
	own := strings.TrimSpace(read(t, "/proc/self/oom_score_adj"))
	for score, want := range map[int]string{-500: own, 700: "700"} {
		file := r.processFile(specs.Process{Args: []string{"cat", "/proc/self/oom_score_adj"}, Cwd: "/", Env: []string{"PATH=/bin"}, OOMScoreAdj: &score})
		must(t, os.Chmod(file, 0o644))
		wants(t, "score", strings.TrimSpace(r.tare("exec", "--process", file, r.id).succeeds().stdout), want)
	}
	r.tare("delete", "--force", r.id).succeeds()
}

// R5: a fresh proc is refused where the host's has something mounted over it, and the error says so.
func TestRootlessProc(t *testing.T) {
	r := newRootless(t, withoutNamespace(specs.PIDNamespace), withArgs("true"))
	r.tare("run", r.id).fails("mount proc", "/proc", "pid namespace of the container's own")
}

// CVE-2016-9962: the runtime cannot be traced while init shares its memory. Afterwards its files in /proc are its user's again.
func TestRuntimeStaysDumpable(t *testing.T) {
	r := newRootless(t, withArgs("true"))
	r.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{
		Path: "/bin/sh", Env: []string{"PATH=/bin:/usr/bin"}, Args: []string{"sh", "-c", "stat -c %u /proc/$PPID/environ >" + r.dir + "/xdg/owner"},
	}}}
	r.tare("run", r.id).succeeds()
	wants(t, "owner of the runtime's files in /proc", read(t, r.dir+"/xdg/owner"), strconv.Itoa(rootlessUID)+"\n")
}
