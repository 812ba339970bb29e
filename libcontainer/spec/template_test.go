package spec

import (
	"os"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// C33: the bundle that `spec` writes is one that `create` takes; the rootless one as soon as user namespaces are there.
func TestTemplate(t *testing.T) {
	s := Template(false)
	if problems := Validate(s); len(problems) > 0 {
		t.Errorf("got %q", lines(problems))
	}
	if s.Version != specs.Version || !s.Process.Terminal || !s.Process.NoNewPrivileges || s.Process.Capabilities.Ambient != nil || s.Process.Capabilities.Inheritable != nil {
		t.Errorf("got %+v", s)
	}
	for _, p := range Validate(Template(true)) {
		if _, ok := p.Err.(notSupported); !ok {
			t.Errorf("rootless: %s", p)
		}
	}
}

func TestTemplateRootless(t *testing.T) {
	s := Template(true)
	var kinds []string
	for _, n := range s.Linux.Namespaces {
		kinds = append(kinds, string(n.Type))
	}
	if want := []string{"pid", "ipc", "uts", "mount", "cgroup", "user"}; !slices.Equal(kinds, want) {
		t.Errorf("got namespaces %q, want %q", kinds, want)
	}
	if m := s.Linux.UIDMappings; len(m) != 1 || m[0] != (specs.LinuxIDMapping{HostID: uint32(os.Geteuid()), Size: 1}) {
		t.Errorf("got uidMappings %+v", m)
	}
	if s.Linux.Resources != nil {
		t.Errorf("got resources %+v", s.Linux.Resources)
	}
	for _, m := range s.Mounts {
		if slices.Contains(m.Options, "gid=5") {
			t.Errorf("%s: gid=5 is not mapped", m.Destination)
		}
		if m.Destination == "/sys" && (m.Source != "/sys" || m.Type != "none" || m.Options[0] != "rbind" || m.Options[4] != "ro") {
			t.Errorf("got /sys %+v", m)
		}
	}
}

// Two calls must not share memory: callers change what they get.
func TestTemplateIsFresh(t *testing.T) {
	Template(false).Process.Capabilities.Bounding[0] = "x"
	Template(false).Mounts[1].Options[0] = "x"
	if s := Template(false); s.Process.Capabilities.Bounding[0] == "x" || s.Mounts[1].Options[0] == "x" {
		t.Error("a change of one template is seen in another")
	}
}
