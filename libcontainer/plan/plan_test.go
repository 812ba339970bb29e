package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// bundle is what `tare spec` writes, as far as a plan depends on it.
func bundle() *specs.Spec {
	return &specs.Spec{
		Version:  specs.Version,
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Hostname: "tare",
		Process: &specs.Process{
			Args: []string{"sh"}, Cwd: "/", Env: []string{"PATH=/bin", "A=1", "A=2"}, NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Effective: []string{"CAP_KILL"}, Permitted: []string{"CAP_KILL"}},
			Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=65536k"}},
			{Destination: "data", Type: "bind", Source: "../data", Options: []string{"rbind", "ro"}},
		},
		Linux: &specs.Linux{
			Namespaces:  []specs.LinuxNamespace{{Type: "pid"}, {Type: "network"}, {Type: "ipc"}, {Type: "uts"}, {Type: "mount"}, {Type: "cgroup"}},
			MaskedPaths: []string{"/proc/kcore"}, ReadonlyPaths: []string{"/proc/sys"},
			Sysctl: map[string]string{"net.ipv4.ip_forward": "1", "kernel.msgmax": "10"},
		},
	}
}

func compile(t *testing.T, s *specs.Spec) *Plan {
	t.Helper()
	p, err := Compile(&Input{Spec: s, ID: "c1", Bundle: "/bundle"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// describe writes a plan one step a line, with every field.
func describe(t *testing.T, p *Plan) string {
	t.Helper()
	var b strings.Builder
	for _, e := range p.Init {
		fields, err := json.Marshal(e.Step)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.TrimSpace(e.Step.StepName()+" "+e.Pointer) + " " + string(fields) + "\n")
	}
	return b.String()
}

// The whole plan of each case: an order or a number that changes is seen in review.
func TestGolden(t *testing.T) {
	seccomp := func(s *specs.Spec) { s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow} }
	hooks := func(s *specs.Spec) {
		h := []specs.Hook{{Path: "/bin/true"}}
		//nolint:staticcheck // prestart is deprecated, and MUST still be called
		s.Hooks = &specs.Hooks{Prestart: h, CreateContainer: h, StartContainer: h}
	}
	tests := []struct {
		name   string
		change []func(*specs.Spec)
	}{
		{"default", nil},
		{"seccomp", []func(*specs.Spec){seccomp}},
		{"seccomp-privileged", []func(*specs.Spec){seccomp, func(s *specs.Spec) { s.Process.NoNewPrivileges = false }}},
		{"seccomp-privileged-hooks", []func(*specs.Spec){seccomp, hooks, func(s *specs.Spec) { s.Process.NoNewPrivileges = false }}},
		{"hooks", []func(*specs.Spec){hooks}},
		{"domain-and-policy", []func(*specs.Spec){func(s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
			s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0-1,3", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}
		}}},
		{"no-process", []func(*specs.Spec){func(s *specs.Spec) { s.Process = nil }}},
		{"own-dev", []func(*specs.Spec){func(s *specs.Spec) { s.Mounts[1].Options = []string{"bind"}; s.Mounts[1].Source = "/dev" }}},
		{"no-mount-namespace", []func(*specs.Spec){func(s *specs.Spec) {
			s.Mounts, s.Root.Readonly, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, false, nil, nil
			s.Linux.Namespaces = s.Linux.Namespaces[:1]
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bundle()
			for _, change := range tt.change {
				change(s)
			}
			got := describe(t, compile(t, s))
			file := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("plan differs from %s (-update rewrites it):\n%s", file, got)
			}
		})
	}
}

func index(p *Plan, name string) int {
	return slices.IndexFunc(p.Init, func(e step.Entry) bool { return e.Step.StepName() == name })
}

// The rules of order that security rests on, said once more in words, so that no rewritten golden file can lose them.
func TestOrder(t *testing.T) {
	all := bundle()
	all.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	privileged := bundle()
	privileged.Process.NoNewPrivileges = false
	privileged.Linux.Seccomp = all.Linux.Seccomp
	tests := []struct {
		name          string
		spec          *specs.Spec
		before, after string
	}{
		{"the bounding set is dropped while CAP_SETPCAP is there", all, "bounding set", "identity"},
		{"capabilities are set after the change of uid, which clears them", all, "identity", "capabilities"},
		{"no_new_privs is set before the filter", all, "no_new_privs", "seccomp"},
		{"descriptors are closed before the working directory is verified", all, "close descriptors", "seccomp"},
		{"the root is sealed before the container's identity is taken on", all, "readonly root", "identity"},
		{"masks are in place before the old root is gone", all, "mask", "pivot"},
		{"without no_new_privs the filter is loaded while CAP_SYS_ADMIN is there", privileged, "seccomp", "identity"},
		{"and only after start", privileged, "wait for start", "seccomp"},
	}
	for _, tt := range tests {
		p := compile(t, tt.spec)
		if b, a := index(p, tt.before), index(p, tt.after); b < 0 || a < 0 || b > a {
			t.Errorf("%s: %q is at %d, %q at %d", tt.name, tt.before, b, tt.after, a)
		}
	}
}

func TestNamespaces(t *testing.T) {
	s := bundle()
	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: "pid", Path: "/proc/1/ns/pid"}, {Type: "mount"}, {Type: "uts"}, {Type: "cgroup"}}
	p := compile(t, s)
	if p.CloneFlags != unix.CLONE_NEWNS|unix.CLONE_NEWUTS {
		t.Errorf("clone flags %#x: the cgroup namespace is made by init, the pid namespace is joined", p.CloneFlags)
	}
	if len(p.Join) != 1 || p.Join[0].Pointer != "/linux/namespaces/0/path" || p.PrivatePid {
		t.Errorf("joins %+v, private pid namespace %v", p.Join, p.PrivatePid)
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		name, pointer string
		change        func(*specs.Spec)
	}{
		{"mount without type", "/mounts/0/type", func(s *specs.Spec) { s.Mounts[0].Type = "" }},
		{"bind without source", "/mounts/2/source", func(s *specs.Spec) { s.Mounts[2].Source = "" }},
		{"cgroup mount without a cgroup", "/mounts/0", func(s *specs.Spec) { s.Mounts[0].Type = "cgroup" }},
		{"unknown propagation", "/linux/rootfsPropagation", func(s *specs.Spec) { s.Linux.RootfsPropagation = "rshard" }},
		{"mounts on the host", "/mounts", func(s *specs.Spec) { s.Linux.Namespaces = nil }},
		{"device of no type", "/linux/devices/0", func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x"}} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := bundle()
			tt.change(s)
			_, err := Compile(&Input{Spec: s, ID: "c1", Bundle: "/bundle"})
			if err == nil || !strings.HasPrefix(err.Error(), "config.json "+tt.pointer+":") {
				t.Errorf("got %v, want an error at %s", err, tt.pointer)
			}
		})
	}
}
