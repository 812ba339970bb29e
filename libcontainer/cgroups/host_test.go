package cgroups

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer/step"
)

// Lines of real mountinfo files. Fields: id, parent, device, root, mount point, options, optional fields, "-", type,
// source, superblock options.
const (
	hybridMounts = `31 23 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
33 31 0:30 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory,release_agent=/bin/x
`
	// A container's own mounts, which a host process can see; they must not win over the host's.
	foreignMounts = `90 23 0:32 /c1 /srv/rootfs/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
91 23 0:29 /c1 /srv/rootfs/sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`
)

// J4: which hierarchy is where.
func TestParseMounts(t *testing.T) {
	hybrid := &Host{unified: "/sys/fs/cgroup/unified", v1: []v1Mount{
		{"/sys/fs/cgroup/systemd", []string{"name=systemd"}},
		{"/sys/fs/cgroup/cpu,cpuacct", []string{"cpu", "cpuacct"}},
		{"/sys/fs/cgroup/memory", []string{"memory"}},
	}}
	for _, tc := range []struct {
		name, text string
		want       *Host // nil: an error
	}{
		{"hybrid", hybridMounts, hybrid},
		{"other containers' mounts first", foreignMounts + hybridMounts, hybrid},
		{"unified elsewhere", "32 1 0:29 / /mnt/cg rw - cgroup2 none rw\n", &Host{unified: "/mnt/cg"}},
		{"none", "31 23 0:28 / /sys rw - sysfs sysfs rw\n", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseMounts(strings.NewReader(tc.text))
			if (err != nil) != (tc.want == nil) || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

// F18, F19.
func TestMountHierarchies(t *testing.T) {
	host, err := parseMounts(strings.NewReader(hybridMounts))
	if err != nil {
		t.Fatal(err)
	}
	got := host.MountHierarchies(&Manager{path: "/a/b"})
	want := []step.CgroupHierarchy{
		{Name: "systemd", Options: []string{"name=systemd"}, HostPath: "/sys/fs/cgroup/systemd/a/b"},
		{
			Name: "cpu,cpuacct", Options: []string{"cpu", "cpuacct"}, HostPath: "/sys/fs/cgroup/cpu,cpuacct/a/b",
			Links: []string{"cpu", "cpuacct"},
		},
		{Name: "memory", Options: []string{"memory"}, HostPath: "/sys/fs/cgroup/memory/a/b"},
		{Name: "unified", V2: true, HostPath: "/sys/fs/cgroup/unified/a/b"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	pure := (&Host{unified: mountRoot}).MountHierarchies(&Manager{path: "/a"})
	if want := []step.CgroupHierarchy{{V2: true, HostPath: "/sys/fs/cgroup/a"}}; !reflect.DeepEqual(pure, want) {
		t.Errorf("pure v2: %+v", pure)
	}
}

// J6 to J10.
func TestPath(t *testing.T) {
	for _, tc := range []struct{ name, cgroupsPath, want string }{ // want "": an error
		{"J8 unset", "", "/c1"},
		{"J6 absolute", "/a/b", "/a/b"},
		{"J7 relative", "a/b", "/a/b"},
		{"slashes", "//a///b/", "/a/b"},
		{"colons in a path", "/system.slice:x:y/c", "/system.slice:x:y/c"},
		{"J9 parent", "/a/../b", ""},
		{"J9 leading parent", "../b", ""},
		{"J9 dot", "/a/./b", ""},
		{"J9 control character", "/a\nb", ""},
		{"J9 long name", "/" + strings.Repeat("x", 256), ""},
		{"root", "/", ""},
		{"J10 systemd form", "system.slice:tare:c1", "/system.slice:tare:c1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := (&Host{}).Path(tc.cgroupsPath, "c1")
			if got != tc.want || (err != nil) != (tc.want == "") {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
	for _, id := range []string{"", "..", "a/b"} {
		if path, err := (&Host{}).Path("", id); err == nil {
			t.Errorf("id %q accepted: %q", id, path)
		}
	}
}

func TestSavedAndLoad(t *testing.T) {
	saved := Saved{Path: "/a/b", Hierarchies: []SavedHierarchy{
		{Mount: "/sys/fs/cgroup/unified", Made: 1},
		{Mount: "/sys/fs/cgroup/cpu,cpuacct", Controllers: "cpu,cpuacct", Made: 2},
	}}
	m, err := Load(saved)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Saved(); !reflect.DeepEqual(got, saved) {
		t.Errorf("got %+v, want %+v", got, saved)
	}
	for name, bad := range map[string]Saved{
		"escaping path":  {Path: "/a/../.."},
		"relative path":  {Path: "a"},
		"root":           {Path: "/"},
		"relative mount": {Path: "/a", Hierarchies: []SavedHierarchy{{Mount: "cgroup"}}},
		"two unified":    {Path: "/a", Hierarchies: []SavedHierarchy{{Mount: "/x"}, {Mount: "/y"}}},
	} {
		if _, err := Load(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("/a/b")
	f.Add("../..")
	f.Fuzz(func(t *testing.T, cgroupsPath string) {
		path, err := (&Host{}).Path(cgroupsPath, "id")
		if err != nil {
			return
		}
		if again, err := cleanPath(path); err != nil || again != path {
			t.Errorf("%q became %q, which is not clean: %q, %v", cgroupsPath, path, again, err)
		}
	})
}
