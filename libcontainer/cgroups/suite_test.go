package cgroups_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
)

func TestMain(m *testing.M) {
	cgrouptest.Helper()
	os.Exit(m.Run())
}

// TestManager runs the shared suite on the cgroup mounts of this machine (J1, J4).
func TestManager(t *testing.T) {
	requireRoot(t)
	host := detect(t)
	cgrouptest.Run(t, cgrouptest.Subject{
		New: func(t *testing.T, path string) cgrouptest.Manager { return host.New(path) },
		Reload: func(t *testing.T, m cgrouptest.Manager) cgrouptest.Manager {
			again, err := cgroups.Load(m.(*cgroups.Manager).Saved())
			if err != nil {
				t.Fatal(err)
			}
			return again
		},
		Dirs: func(path string) (dirs []string) {
			for _, point := range mountPoints(host) {
				dirs = append(dirs, point+path)
			}
			return dirs
		},
	})
}

// TestSystemdManager runs the shared suite with the systemd of this machine, or of this user (J2, J3).
func TestSystemdManager(t *testing.T) {
	host := systemdHost(t)
	slice := "/system.slice/"
	if os.Geteuid() != 0 {
		own, err := os.ReadFile("/proc/self/cgroup") // below that of the user's systemd
		if err != nil {
			t.Fatal(err)
		}
		above, _, found := strings.Cut(strings.TrimPrefix(string(own), "0::"), ".service/")
		if !found {
			t.Skipf("needs a user's systemd that may move processes: run it in a unit of that, not in %s", own)
		}
		slice = above + ".service/user.slice/"
	}
	cgrouptest.Run(t, cgrouptest.Subject{
		OnDemand: true,
		New: func(t *testing.T, path string) cgrouptest.Manager {
			m, err := host.NewUnit(&cgroups.UnitOptions{CgroupsPath: "::" + path[1:], ID: path[1:], Root: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if want := slice + path[1:] + ".scope"; m.Path() != want {
				t.Errorf("path %s, want %s", m.Path(), want)
			}
			return m
		},
		Reload: func(t *testing.T, m cgrouptest.Manager) cgrouptest.Manager {
			again, err := cgroups.Load(m.(*cgroups.Manager).Saved())
			if err != nil {
				t.Fatal(err)
			}
			return again
		},
		Dirs: func(path string) []string { return []string{host.Unified() + slice + path[1:] + ".scope"} },
	})
}

// systemdHost skips where systemd is not the init of a pure cgroup v2 machine.
func systemdHost(t *testing.T) *cgroups.Host {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		t.Skip("systemd is not the init of this machine; tests/vm has one where it is")
	}
	host := detect(t)
	if len(host.V1()) > 0 {
		t.Skip("needs cgroup v2 alone")
	}
	return host
}

// TestManagerElsewhere runs the suite, and the tests of the limits, on other arrangements of mounts, each in a mount
// namespace of its own.
func TestManagerElsewhere(t *testing.T) {
	requireRoot(t)
	if os.Getenv("TARE_TEST_VIEW") != "" {
		t.Skip("runs already in such a view")
	}
	for _, view := range []struct{ name, script string }{
		{"pure v2", "umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup"},
		{"v1 only", "umount /sys/fs/cgroup/unified"},
	} {
		t.Run(view.name, func(t *testing.T) {
			if len(detect(t).V1()) == 0 {
				t.Skip("this machine has pure v2 mounts, which is what TestManager runs on, and no others to show")
			}
			cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-ec", view.script+`; exec "$@"`, "sh",
				os.Args[0], "-test.run=^(TestManager|TestLimits|TestUnified.*|TestFreeze.*|TestUpdate.*)$", "-test.v")
			cmd.Env = append(os.Environ(), "TARE_TEST_VIEW="+view.name)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes cgroups")
	}
}

func detect(t *testing.T) *cgroups.Host {
	t.Helper()
	host, err := cgroups.Detect()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// mountPoints returns the mount points of all hierarchies, each once.
func mountPoints(host *cgroups.Host) (points []string) {
	seen := map[string]bool{"": true}
	for _, point := range append([]string{host.Unified()}, values(host.V1())...) {
		if !seen[point] {
			seen[point] = true
			points = append(points, point)
		}
	}
	return points
}

func values(m map[string]string) (list []string) {
	for _, v := range m {
		list = append(list, v)
	}
	return list
}
