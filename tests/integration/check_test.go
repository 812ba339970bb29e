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

// E2: what is unknown is ignored, and named by check. All problems are reported at once, and nothing is made.
func TestCheckReportsAll(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	b.try("check", "--bundle", b.dir).fails("config.json\": no such file or directory")
	b.writeConfig()
	r := run(t, "check", "--bundle", b.dir).succeeds()
	wants(t, "check of a bundle that is right", r.stdout, "no errors, no warnings\n")
	run(t, "run", "--bundle", b.dir, b.id).succeeds()

	var config map[string]any
	must(t, json.Unmarshal([]byte(read(t, filepath.Join(b.dir, "config.json"))), &config))
	config["hostnme"] = "x"
	config["mounts"] = append(config["mounts"].([]any), map[string]any{"destination": "/data", "type": "bind", "source": "/no/such/place", "options": []string{"bind"}})
	config["hooks"] = map[string]any{"poststop": []any{map[string]any{"path": "/no/such/hook"}}}
	config["process"].(map[string]any)["args"] = []string{"/no/such/program"}
	linux := config["linux"].(map[string]any)
	linux["sysctl"] = map[string]string{"net.ipv4.no_such_thing": "1"}
	text, err := json.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(b.dir, "config.json"), text, 0o644))
	r = run(t, "check", "--bundle", b.dir)
	if r.status != 1 || r.stderr != "" {
		t.Errorf("%v", r)
	}
	for _, line := range []string{
		`error: config.json /mounts/`, `/source: "/no/such/place": no such file or directory`,
		`error: config.json /hooks/poststop/0/path: "/no/such/hook": no such file or directory`,
		`error: config.json /linux/sysctl/net.ipv4.no_such_thing: `,
		`warning: config.json /hostnme: is unknown and ignored; did you mean hostname`,
		`warning: config.json /process/args/0: "/no/such/program": no such file or directory`,
	} {
		if !strings.Contains(r.stdout, line) {
			t.Errorf("check does not say %q:\n%s", line, r.stdout)
		}
	}
	b.nothingLeft()
}

// What check finds, create stumbles over; what check lets through, runs.
func TestCheckAgreesWithCreate(t *testing.T) {
	for _, row := range []struct {
		name   string
		change option
		wrong  bool
	}{
		{"as it is", func(*specs.Spec) {}, false},
		{"no root", func(s *specs.Spec) { s.Root.Path = "nowhere" }, true},
		{"root is a file", func(s *specs.Spec) { s.Root.Path = "config.json" }, true},
		{"relative working directory", func(s *specs.Spec) { s.Process.Cwd = "tmp" }, true},
		{"namespace of another type", func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "/proc/self/ns/uts" }, true},
		{"sysctl of the host", func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.pid_max": "1000"} }, true},
		{"profile without an action", func(s *specs.Spec) { s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_NOTHING"} }, true},
		{"cgroup outside", func(s *specs.Spec) { s.Linux.CgroupsPath = "/a/../../b" }, true},
		{"no mount namespace", func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withArgs("true"), row.change)
			b.writeConfig()
			checked := run(t, "check", "--bundle", b.dir)
			if (checked.status == 1) != row.wrong {
				t.Errorf("%v", checked)
			}
			created := run(t, "run", "--bundle", b.dir, b.id)
			if (created.status != 0) != row.wrong {
				t.Errorf("%v", created)
			}
			if row.wrong && !strings.Contains(checked.stdout, strings.SplitN(created.message(), ": ", 2)[1]) {
				t.Errorf("create says %q, check says:\n%s", created.message(), checked.stdout)
			}
		})
	}
}

// G10: check tells a user which ids the tables do not give, before anything is tried.
func TestCheckMappings(t *testing.T) {
	requireRoot(t)
	_, err := exec.LookPath("setpriv")
	skipUnless(t, err == nil, "setpriv is missing (util-linux)")
	b := newBundle(t, func(s *specs.Spec) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 54321, Size: 1}, {ContainerID: 1, HostID: 900000, Size: 10}}
		s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 54321, Size: 1}}
	})
	b.writeConfig()
	must(t, os.Chmod(workspace, 0o755))
	reachable := filepath.Join(workspace, "tare") // for a user who may not enter our home
	program, err := os.ReadFile(tare)
	must(t, err)
	must(t, os.WriteFile(reachable, program, 0o755))
	c := exec.Command("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", reachable, "--root", "/nonexistent", "check", "--bundle", b.dir)
	out, _ := c.CombinedOutput()
	if !strings.Contains(string(out), "error: config.json /linux/uidMappings: newuidmap") || strings.Contains(string(out), "/linux/gidMappings") {
		t.Errorf("output %s", out)
	}
}
