package features

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp"
	"github.com/tare-run/tare/libcontainer/spec"
)

// document decodes what Document writes, refusing members that the specification does not define (M1: none MAY be outside
// of the declared version).
func document(t *testing.T) *features.Features {
	t.Helper()
	data, err := Document("1.2.3", "abcdef")
	if err != nil {
		t.Fatal(err)
	}
	f := new(features.Features)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// M1: both versions MUST be accepted in a configuration, and nothing beyond the major version is.
func TestVersions(t *testing.T) {
	f := document(t)
	for _, version := range []string{f.OCIVersionMin, f.OCIVersionMax} {
		s := spec.Template(false)
		s.Version = version
		if problems := spec.Validate(s); len(problems) > 0 {
			t.Errorf("%s is promised and refused: %v", version, problems[0])
		}
	}
	if f.OCIVersionMin != "1.0.0" || !strings.HasPrefix(f.OCIVersionMax, "1.") {
		t.Errorf("got %s to %s", f.OCIVersionMin, f.OCIVersionMax)
	}
}

// What containerd, CRI-O and dockerd look for: M2 "rro" for recursive read-only mounts, M3 "user" and M9 idmap for pods
// with a user namespace, M6 the hooks.
func TestWhatEnginesRead(t *testing.T) {
	f := document(t)
	if !slices.Contains(f.MountOptions, "rro") {
		t.Error("M2: rro is missing from mountOptions")
	}
	if slices.Contains(f.MountOptions, "idmap") != *f.Linux.MountExtensions.IDMap.Enabled {
		t.Error("M2, M9: idmap must be both an option and an extension, or neither")
	}
	if !slices.IsSorted(f.MountOptions) || !slices.IsSorted(f.Linux.Namespaces) {
		t.Error("lists are not sorted")
	}
	if len(f.Hooks) != 6 || f.Hooks[0] != "prestart" {
		t.Errorf("M6: got hooks %q", f.Hooks)
	}
	if len(f.Linux.Capabilities) != 41 || f.Linux.Capabilities[0] != "CAP_CHOWN" {
		t.Errorf("M6: got capabilities %q", f.Linux.Capabilities)
	}
	if c := f.Linux.Cgroup; !*c.V1 || !*c.V2 {
		t.Errorf("M4: got %+v", c)
	}
	if f.Annotations["run.tare.version"] != "1.2.3" || f.Annotations["run.tare.commit"] != "abcdef" {
		t.Errorf("M11: got %q", f.Annotations)
	}
	if !slices.Equal(f.PotentiallyUnsafeConfigAnnotations, []string{"run.tare.", "org.systemd.property.", "run.oci.keep_original_groups"}) {
		t.Errorf("M12: got %q", f.PotentiallyUnsafeConfigAnnotations)
	}
	if c := f.Linux.Cgroup; !*c.Systemd || !*c.SystemdUser {
		t.Errorf("J2 J3: systemd %v, of users %v", *c.Systemd, *c.SystemdUser)
	}
}

// M5: a build without the helper for seccomp promises nothing but that.
func TestSeccomp(t *testing.T) {
	s := document(t).Linux.Seccomp
	if *s.Enabled != seccomp.Enabled() {
		t.Errorf("got enabled %v", *s.Enabled)
	}
	if *s.Enabled != (len(s.Actions) > 0) || *s.Enabled != (len(s.Operators) > 0) || *s.Enabled != (len(s.Archs) > 0) || *s.Enabled != (len(s.KnownFlags) > 0) {
		t.Errorf("enabled is %v, but got %+v", *s.Enabled, s)
	}
	for _, flag := range s.SupportedFlags {
		if !slices.Contains(s.KnownFlags, flag) {
			t.Errorf("%s is supported and not known", flag)
		}
	}
}

func TestNoCommit(t *testing.T) {
	data, err := Document("1", "")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("commit")) {
		t.Errorf("got %s", data)
	}
}

// TestFlagsAgreeWithSpec holds each flag against what package spec says to a configuration that uses the feature: what is
// disabled is refused, what is enabled is not.
func TestFlagsAgreeWithSpec(t *testing.T) {
	l := document(t).Linux
	for _, test := range []struct {
		row, data string
		enabled   bool
	}{
		{"M3 user", `{"linux":{"namespaces":[{"type":"user"}]}}`, slices.Contains(l.Namespaces, "user")},
		{"M3 time", `{"linux":{"namespaces":[{"type":"time"}]}}`, slices.Contains(l.Namespaces, "time")},
		{"M3 network", `{"linux":{"namespaces":[{"type":"network"}]}}`, slices.Contains(l.Namespaces, "network")},
		{"M4 rdma", `{"linux":{"resources":{"rdma":{"mlx":{"hcaObjects":1}}}}}`, *l.Cgroup.Rdma},
		{"M6 apparmor", `{"process":{"apparmorProfile":"p"}}`, *l.Apparmor.Enabled},
		{"M6 selinux", `{"process":{"selinuxLabel":"l"}}`, *l.Selinux.Enabled},
		{"M6 selinux mounts", `{"linux":{"mountLabel":"l"}}`, *l.Selinux.Enabled},
		{"M7 enabled", `{"linux":{"intelRdt":{"closID":"c"}}}`, *l.IntelRdt.Enabled},
		{"M7 schemata", `{"linux":{"intelRdt":{"schemata":["L3:0=f"]}}}`, *l.IntelRdt.Schemata},
		{"M7 monitoring", `{"linux":{"intelRdt":{"enableMonitoring":true}}}`, *l.IntelRdt.Monitoring},
		{"M8", `{"linux":{"memoryPolicy":{"mode":"MPOL_LOCAL"}}}`, l.MemoryPolicy != nil},
		{"M9", `{"mounts":[{"destination":"/d","options":["bind","idmap"]}]}`, *l.MountExtensions.IDMap.Enabled},
		{"M10", `{"linux":{"netDevices":{"eth1":{}}}}`, *l.NetDevices.Enabled},
	} {
		t.Run(test.row, func(t *testing.T) {
			s, err := spec.Load([]byte(test.data))
			if err != nil {
				t.Fatal(err)
			}
			refused := slices.ContainsFunc(spec.Validate(s), func(e *fault.Error) bool { return errors.Is(e, fault.ErrNotSupported) })
			if refused == test.enabled {
				t.Errorf("enabled is %v, refused is %v", test.enabled, refused)
			}
		})
	}
}
