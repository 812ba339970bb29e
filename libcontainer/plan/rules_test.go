package plan

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/step"
)

// F3, security rule 12: without a mount namespace nothing that needs one is left out in silence, or done to the host.
func TestWithoutMountNamespace(t *testing.T) {
	for want, change := range map[string]func(*Input){
		"/mounts":                  func(in *Input) { in.Spec.Mounts = []specs.Mount{{Destination: "/x", Type: "tmpfs"}} },
		"/root/readonly":           func(in *Input) { in.Spec.Root.Readonly = true },
		"/linux/maskedPaths":       func(in *Input) { in.Spec.Linux.MaskedPaths = []string{"/proc/kcore"} },
		"/linux/readonlyPaths":     func(in *Input) { in.Spec.Linux.ReadonlyPaths = []string{"/proc/sys"} },
		"/linux/rootfsPropagation": func(in *Input) { in.Spec.Linux.RootfsPropagation = "shared" },
		"/linux/devices":           func(in *Input) { in.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "c"}} },
		"/process/terminal":        func(in *Input) { in.Spec.Process.Terminal = true },
		"NOTIFY_SOCKET":            func(in *Input) { in.NotifyDir = "/run/tare/c1/notify" },
	} {
		s := bundle()
		s.Mounts, s.Root.Readonly, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, false, nil, nil
		s.Linux.Namespaces = s.Linux.Namespaces[:1]
		in := &Input{Spec: s, ID: "c1", Bundle: "/bundle"}
		change(in)
		if _, err := Compile(in); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "needs a mount namespace") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// I7: what the tree gets before the first mount. Nothing but "shared" lets a mount reach the host, and "private" none in.
func TestTreePropagation(t *testing.T) {
	for word, want := range map[string]uint64{
		"": unix.MS_SLAVE, "slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE, "shared": unix.MS_SHARED, "rshared": unix.MS_SHARED,
		"private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE, "unbindable": unix.MS_PRIVATE, "runbindable": unix.MS_PRIVATE,
	} {
		if got := treePropagation(word); got != want {
			t.Errorf("%q: %#x, want %#x", word, got, want)
		}
	}
}

// F41: which new file systems have the label, and how.
func TestMountLabel(t *testing.T) {
	const label = "system_u:object_r:container_file_t:s0"
	for _, row := range []struct {
		kind, option string
		data         []string
		root         string
	}{
		{kind: "tmpfs", data: []string{"context=" + label}},
		{kind: "tmpfs", option: "context=own", data: []string{"context=own"}},
		{kind: "mqueue", root: label},
		{kind: "proc"}, {kind: "sysfs"}, {kind: "cgroup2"},
	} {
		s := bundle()
		s.Linux.MountLabel = label
		s.Mounts = []specs.Mount{{Destination: "/m", Type: row.kind, Source: row.kind, Options: []string{row.option}}}
		p := compile(t, s)
		m := p.Init[index(p, "mount")].Step.(*step.Mount)
		if !slices.Equal(m.Options.Data, row.data) || m.RootLabel != row.root {
			t.Errorf("%s: data %q, root %q", row.kind, m.Options.Data, m.RootLabel)
		}
	}
}

// H6: a /dev of the caller's is left as it is, however it is bound, but for the devices that are listed.
func TestOwnDev(t *testing.T) {
	for _, m := range []specs.Mount{
		{Type: "bind"}, {Options: []string{"bind"}}, {Options: []string{"rbind"}}, {Type: "none", Options: []string{"ro", "rbind"}},
	} {
		s := bundle()
		m.Destination, m.Source = "/dev/", "/dev"
		s.Mounts[1] = m
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/ptmx", Type: "c", Major: 5, Minor: 2}}
		p := compile(t, s)
		var nodes []string
		for _, e := range p.Init {
			switch made := e.Step.(type) {
			case *step.Device:
				nodes = append(nodes, made.Path)
			case *step.DevLinks:
				t.Errorf("%+v: links are made in it", m)
			}
		}
		if !slices.Equal(nodes, []string{"/dev/ptmx"}) {
			t.Errorf("%+v: made are %q", m, nodes)
		}
	}
}

// P7: only a hook that create waits for, and that may take for ever, makes the silence of init mean nothing.
func TestUnboundedHook(t *testing.T) {
	hook := specs.Hook{Path: "/bin/true"}
	bounded := specs.Hook{Path: "/bin/true", Timeout: new(5)}
	for _, row := range []struct {
		hooks     specs.Hooks
		unbounded bool
		seconds   int
	}{
		{specs.Hooks{CreateContainer: []specs.Hook{hook}}, true, 0},
		{specs.Hooks{CreateContainer: []specs.Hook{bounded}}, false, 5},
		{specs.Hooks{StartContainer: []specs.Hook{hook}}, false, 0},
	} {
		s := bundle()
		s.Hooks = &row.hooks
		if p := compile(t, s); p.UnboundedHook != row.unbounded || p.HookSeconds != row.seconds {
			t.Errorf("%+v: %v, %d", row.hooks, p.UnboundedHook, p.HookSeconds)
		}
	}
}

// C8 E16: the keyring has the label of the program, and no other key of init has it.
func TestKeyringLabel(t *testing.T) {
	s := bundle()
	s.Process.SelinuxLabel = "a:b:c:s0"
	var labels []string
	for _, e := range compile(t, s).Init {
		switch e := e.Step.(type) {
		case *step.KeyLabel:
			labels = append(labels, "label "+e.Label)
		case *step.Keyring:
			labels = append(labels, e.Name)
		}
	}
	if want := []string{"label a:b:c:s0", "_ses.c1", "label "}; !slices.Equal(labels, want) {
		t.Errorf("got %q, want %q", labels, want)
	}
}

// E12: with the groups of the caller nothing is set, and the plan says so.
func TestKeptGroups(t *testing.T) {
	s := bundle()
	s.Annotations = map[string]string{spec.KeepGroupsAnnotation: "1"}
	s.Process.User.AdditionalGids = []uint32{7}
	p := compile(t, s)
	id := p.Init[index(p, "identity")].Step.(*step.Identity)
	if !id.KeepGroups || id.Groups != nil || len(p.Warnings) != 1 {
		t.Errorf("%+v, %q", id, p.Warnings)
	}
}

// C36: what protects the host stays in a running container, under whatever name it is given.
func TestInsideRefuses(t *testing.T) {
	in := func(m specs.Mount) *Input {
		s := bundle()
		s.Mounts = []specs.Mount{m}
		return &Input{Spec: s, ID: "c1", Bundle: "/bundle"}
	}
	for _, path := range []string{"/proc/kcore", "/proc/sys", "proc/sys", "/proc/./sys/", "/x/../proc/kcore"} {
		if _, err := CompileUnmounts(in(specs.Mount{Destination: path})); err == nil || !strings.Contains(err.Error(), "masks it or makes it read-only") {
			t.Errorf("unmount of %s: %v", path, err)
		}
	}
	for _, path := range []string{"/", ".", "/x/..", "//"} {
		if _, err := CompileMounts(in(specs.Mount{Destination: path, Type: "tmpfs"})); err == nil || !strings.Contains(err.Error(), "stays") {
			t.Errorf("mount on %s: %v", path, err)
		}
	}
}

// F33: a mount that exists cannot be mapped.
func TestMappedRemount(t *testing.T) {
	s := bundle()
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/data", Options: []string{"remount", "idmap"},
		UIDMappings: []specs.LinuxIDMapping{{Size: 1}}, GIDMappings: []specs.LinuxIDMapping{{Size: 1}}})
	if _, err := Compile(&Input{Spec: s, ID: "c1", Bundle: "/bundle"}); err == nil || !strings.Contains(err.Error(), "cannot be mapped any more") {
		t.Errorf("%v", err)
	}
}
