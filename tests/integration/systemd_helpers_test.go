package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// requireSystemd skips where systemd is not the init of a machine with cgroup v2 alone.
func requireSystemd(t *testing.T) {
	t.Helper()
	requireRoot(t)
	if !exists("/run/systemd/system") {
		t.Skip("systemd is not the init of this machine: run the tests in one where it is")
	}
	skipUnless(t, unifiedMount(t) == "/sys/fs/cgroup", "needs cgroup v2 alone")
}

// scope is a container in a unit of systemd.
type scope struct {
	*bundle
	unit string
	dir  string // of its cgroup
}

// newScope makes a bundle whose container gets the unit tare-it-ID.scope in system.slice.
func newScope(t *testing.T, options ...option) *scope {
	t.Helper()
	requireSystemd(t)
	b := newBundle(t, options...)
	b.spec.Linux.CgroupsPath = "system.slice:tare-it:" + b.id
	s := &scope{bundle: b}
	s.name("tare-it-" + b.id + ".scope")
	return s
}

func (s *scope) name(unit string) {
	s.unit, s.dir = unit, filepath.Join("/sys/fs/cgroup/system.slice", unit)
	s.t.Cleanup(func() { // after the test, before the bundle's own teardown
		invoke(s.t, invocation{args: []string{"delete", "--force", s.id}}).succeeds()
		s.unitGone()
	})
}

var systemdCgroup = invocation{args: []string{"--systemd-cgroup"}}

func (s *scope) create(flags ...string) *scope {
	s.t.Helper()
	s.createWith(systemdCgroup, flags...)
	return s
}

func (s *scope) start() *scope {
	s.t.Helper()
	s.bundle.start()
	return s
}

// unitGone demands that neither the unit nor its cgroup exists.
func (s *scope) unitGone() {
	s.t.Helper()
	loaded := "not-found"
	if strings.HasSuffix(s.unit, ".slice") {
		loaded = "loaded" // any slice is, once it is asked about
	}
	if state := s.property("LoadState"); state != loaded || s.property("ActiveState") != "inactive" {
		s.t.Errorf("unit %s is left: %s, %s", s.unit, state, s.property("ActiveState"))
	}
	if exists(s.dir) {
		s.t.Errorf("%s is left", s.dir)
	}
}

// property is what systemd says of the unit.
func (s *scope) property(name string) string {
	s.t.Helper()
	return strings.TrimSpace(systemctl(s.t, "show", "--property="+name, "--value", s.unit))
}

// wantProperties compares properties, given as NAME=VALUE lines.
func (s *scope) wantProperties(want string) {
	s.t.Helper()
	for line := range strings.Lines(want) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			wants(s.t, name, s.property(name), value)
		}
	}
}

// wantFiles compares control files, given as NAME=VALUE lines.
func (s *scope) wantFiles(want string) {
	s.t.Helper()
	for line := range strings.Lines(want) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			wants(s.t, name, strings.TrimSpace(read(s.t, filepath.Join(s.dir, name))), value)
		}
	}
}

func systemctl(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemctl %q: %v\n%s", args, err, output)
	}
	return string(output)
}

// otherUnit starts a unit that is not tare's, as root would by hand, and stops it when the test ends.
func otherUnit(t *testing.T, unit string, args ...string) {
	t.Helper()
	cmd := exec.Command("systemd-run", append([]string{"--quiet", "--scope", "--unit=" + unit}, args...)...)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	inits[cmd.Process.Pid] = true
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = exec.Command("systemctl", "stop", unit).Run()
		_ = exec.Command("systemctl", "reset-failed", unit).Run()
		<-done
		delete(inits, cmd.Process.Pid)
	})
	eventually(t, "the other unit has begun", func() bool {
		return strings.TrimSpace(systemctl(t, "show", "--property=ActiveState", "--value", unit)) != "inactive"
	})
}

// withAnnotation sets an annotation.
func withAnnotation(key, value string) option {
	return func(s *specs.Spec) {
		if s.Annotations == nil {
			s.Annotations = map[string]string{}
		}
		s.Annotations[key] = value
	}
}
