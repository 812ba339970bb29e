package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// podman is a bundle of a user who calls the runtime as rootless Podman does: as root of a user namespace, in a mount
// namespace of its own, which one process keeps for all calls.
type podman struct {
	*rootless
	pause int // the process
}

func newPodman(t *testing.T, options ...option) *podman {
	t.Helper()
	b := newBundle(t, options...)
	skipUnless(t, commandExists("nsenter"), "nsenter is missing (util-linux)")
	must(t, os.Chmod(workspace, 0o711)) // so that the user can get to the bundle
	must(t, os.Mkdir(b.dir+"/xdg", 0o700))
	p := &podman{rootless: &rootless{bundle: b}}
	c := exec.Command("sleep", "600")
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: rootlessUID, Size: 1}, {ContainerID: 1, HostID: 700000, Size: 65536}}
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{},
	}
	must(t, c.Start())
	p.pause = c.Process.Pid
	inits[p.pause] = true
	t.Cleanup(func() { // before the bundle goes
		p.calls(nil, "delete", "--force", b.id).succeeds()
		delete(inits, b.pid)
		must(t, c.Process.Kill())
		c.Wait()
		delete(inits, p.pause)
	})
	return p
}

// calls runs the binary with these variables, and XDG_RUNTIME_DIR unless there are some.
func (p *podman) calls(env []string, args ...string) result {
	p.t.Helper()
	p.writeConfig()
	p.own()
	program, err := rootlessBinary()
	must(p.t, err)
	if env == nil {
		env = []string{"XDG_RUNTIME_DIR=" + p.dir + "/xdg", "USER=tare-test", "_CONTAINERS_USERNS_CONFIGURED=done", "_CONTAINERS_ROOTLESS_UID=54321"}
	}
	dir := p.t.TempDir()
	stdout, stderr := create(p.t, filepath.Join(dir, "stdout")), create(p.t, filepath.Join(dir, "stderr"))
	defer stdout.Close()
	defer stderr.Close()
	c := exec.Command("nsenter", append([]string{"-t", itoa(p.pause), "-U", "-m", "-S", "0", "-G", "0", program}, args...)...)
	c.Env, c.Stdout, c.Stderr = env, stdout, stderr
	err = c.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		p.t.Fatal(err)
	}
	return result{t: p.t, args: args, status: c.ProcessState.ExitCode(), stdout: read(p.t, stdout.Name()), stderr: read(p.t, stderr.Name()), stdoutFile: stdout.Name()}
}

// createIn is create with conmon's flags.
func (p *podman) createIn() result {
	p.t.Helper()
	return p.calls(nil, "--log-format=json", "--log", p.dir+"/log.json", "create", "--bundle", p.dir, "--pid-file", p.dir+"/pid", p.id)
}

// A8 B1 R3: in Podman's namespaces a container lives and ends although no cgroup can be written to, because no limit is asked
// for. The runtime root is the user's, and sticky, so that nobody cleans it up.
func TestRootlessInPodmansNamespace(t *testing.T) {
	p := newPodman(t, withShell("id -u; cat /proc/self/uid_map; sleep 600"))
	p.spec.Linux.CgroupsPath = "/libpod_parent/libpod-" + p.id
	r := p.createIn().succeeds()
	if r.stderr != "" || exists(p.dir+"/log.json") {
		t.Errorf("%v, or something in the log", r)
	}
	p.stdout, p.pid = r.stdoutFile, atoi(t, read(t, p.dir+"/pid"))
	inits[p.pid] = true
	state := func() (c container) {
		t.Helper()
		p.calls(nil, "state", p.id).decode(&c)
		return c
	}
	wants(t, "status", state().Status, "created")
	p.calls(nil, "start", p.id).succeeds()
	eventually(t, "the program has printed", func() bool { return strings.Count(read(t, p.stdout), "\n") == 3 })
	wants(t, "identity", strings.Join(strings.Fields(read(t, p.stdout)), " "), "0 0 54321 1 1 700000 65536")
	wants(t, "cgroup", read(t, "/proc/"+itoa(p.pid)+"/cgroup"), read(t, "/proc/self/cgroup"))
	wants(t, "exec", p.calls(nil, "exec", p.id, "id", "-u").succeeds().stdout, "0\n")
	if out := p.calls(nil, "ps", "--format", "json", p.id).succeeds().stdout; !strings.HasPrefix(out, "["+itoa(p.pid)+",") {
		t.Errorf("ps: %q", out)
	}
	p.calls(nil, "pause", p.id).fails("the container has no cgroup to freeze")
	root, err := os.Stat(p.dir + "/xdg/tare")
	must(t, err)
	if root.Mode().Perm() != 0o700 || root.Mode()&os.ModeSticky == 0 {
		t.Errorf("the runtime root has mode %v", root.Mode())
	}
	p.calls(nil, "kill", p.id, "9").succeeds()
	p.wait()
	wants(t, "status", state().Status, "stopped")
	p.calls(nil, "delete", "--force", p.id).succeeds()
	p.calls(nil, "delete", "--force", p.id).succeeds()
}

// R3 E22 J28: entries of resources that ask for nothing are no limits, and an OOM score that is not to be had confines nothing.
// A limit is an error that names it.
func TestRootlessNothingRequested(t *testing.T) {
	p := newPodman(t, withArgs("true"))
	unlimited, zero, no, score := int64(-1), int64(0), false, -500
	for name, change := range map[string]func(*specs.Spec){
		"no resources": func(s *specs.Spec) { s.Linux.Resources = nil },
		"empty":        func(s *specs.Spec) { s.Linux.Resources = &specs.LinuxResources{} },
		"empty controllers": func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}, Network: &specs.LinuxNetwork{}}
		},
		"unlimited": func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &unlimited}, Pids: &specs.LinuxPids{Limit: &unlimited}, CPU: &specs.LinuxCPU{Quota: &unlimited}}
		},
		"as Docker does": func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &zero, DisableOOMKiller: &no}}
		},
		"a lower OOM score": func(s *specs.Spec) { s.Process.OOMScoreAdj = &score },
	} {
		t.Run(name, func(t *testing.T) {
			before := *p.spec.Linux
			change(p.spec)
			p.createIn().succeeds()
			p.pid = atoi(t, read(t, p.dir+"/pid"))
			inits[p.pid] = true
			p.calls(nil, "delete", "--force", p.id).succeeds()
			p.wait()
			*p.spec.Linux, p.spec.Process.OOMScoreAdj = before, nil
		})
	}
	limit, shares := int64(64<<20), uint64(512)
	for pointer, resources := range map[string]*specs.LinuxResources{
		"/linux/resources/memory/limit": {Memory: &specs.LinuxMemory{Limit: &limit}},
		"/linux/resources/pids/limit":   {Pids: &specs.LinuxPids{Limit: &limit}},
		"/linux/resources/cpu/shares":   {CPU: &specs.LinuxCPU{Shares: &shares}},
		"/linux/resources/unified":      {Unified: map[string]string{"memory.high": "max"}},
	} {
		p.spec.Linux.Resources = resources
		p.createIn().fails(pointer, "is not delegated", "permission denied")
	}
	p.spec.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	p.calls(nil, "--cgroup-manager=disabled", "create", "--bundle", p.dir, "--pid-file", p.dir+"/pid", p.id).succeeds() // --cgroups=disabled
	p.pid = atoi(t, read(t, p.dir+"/pid"))
	inits[p.pid] = true
	p.calls(nil, "delete", "--force", p.id).succeeds()
	p.wait()
}

// B1: where the state goes, without --root: root of a user namespace is no root if USER has another name, as with Podman; root of
// a container, whose USER is root, is one.
func TestDefaultRoot(t *testing.T) {
	p := newPodman(t, withArgs("true"))
	xdg := "XDG_RUNTIME_DIR=" + p.dir + "/xdg"
	for _, test := range []struct {
		env   []string
		wants string
	}{
		{[]string{xdg}, p.dir + "/xdg/tare"},
		{[]string{xdg, "USER=somebody"}, p.dir + "/xdg/tare"},
		{[]string{xdg, "USER=root"}, "/run/tare"},
		{[]string{"USER=somebody"}, "/run/tare"},
		{[]string{"XDG_RUNTIME_DIR="}, "/run/tare"},
	} {
		r := p.calls(test.env, "--rootless=auto", "run", "--bundle", p.dir, p.id)
		if test.wants == "/run/tare" { // which that user cannot make
			r.fails(`"/run/tare"`, "permission denied", "--root")
			continue
		}
		r.succeeds()
		if !exists(test.wants) {
			t.Errorf("%q: no %s", test.env, test.wants)
		}
		must(t, os.RemoveAll(test.wants))
	}
}
