package spec

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestWarnings(t *testing.T) {
	parse := func(name string) (uint, bool) { return 0, name != "CAP_FLY" }
	for _, test := range []struct {
		name   string
		change func(*specs.Spec)
		want   []string
	}{
		{"the template", func(*specs.Spec) {}, nil},
		{"E4 no process", func(s *specs.Spec) { s.Process = nil }, nil},
		{"E17 no capabilities", func(s *specs.Spec) { s.Process.Capabilities = nil },
			[]string{"/process/capabilities: is missing, so none are dropped; list those that the program needs, or write {}"}},
		{"E19 unknown capability", func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL", "CAP_FLY"}, Ambient: []string{"CAP_FLY"}}
		}, []string{
			`/process/capabilities/ambient/0: "CAP_FLY": is not a capability`,
			`/process/capabilities/bounding/1: "CAP_FLY": is not a capability`,
		}},
		{"E18 ambient without inheritable", func(s *specs.Spec) { s.Process.Capabilities.Ambient = []string{"CAP_KILL"} },
			[]string{`/process/capabilities/ambient/0: "CAP_KILL": cannot be granted: another set lacks it`}},
		{"E18 ambient", func(s *specs.Spec) {
			s.Process.Capabilities.Ambient, s.Process.Capabilities.Inheritable = []string{"CAP_KILL"}, []string{"CAP_KILL"}
		}, nil},
		{"E20 effective without permitted", func(s *specs.Spec) { s.Process.Capabilities.Permitted = []string{"CAP_AUDIT_WRITE", "CAP_KILL"} },
			[]string{`/process/capabilities/effective/2: "CAP_NET_BIND_SERVICE": cannot be granted: another set lacks it`}},
		{"F7 relative destination", func(s *specs.Spec) { s.Mounts[0].Destination = "proc" },
			[]string{`/mounts/0/destination: "proc": is taken as relative to /; relative destinations are deprecated`}},
		{"E3 other platforms", func(s *specs.Spec) {
			s.Windows, s.Solaris, s.ZOS, s.FreeBSD = &specs.Windows{}, &specs.Solaris{}, &specs.ZOS{}, &specs.FreeBSD{}
		}, []string{
			"/freebsd: is for another platform and ignored", "/solaris: is for another platform and ignored",
			"/windows: is for another platform and ignored", "/zos: is for another platform and ignored",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Template(false)
			test.change(s)
			if got := lines(Warnings(s, parse)); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
