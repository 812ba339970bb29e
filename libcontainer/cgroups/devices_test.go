package cgroups_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/sys"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/cgrouptest"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// attach puts a program that allows everything on the cgroup.
func attach(t *testing.T, m *cgroups.Manager, name string) {
	t.Helper()
	var code []byte
	for _, word := range []struct {
		op  byte
		imm uint32
	}{{0xb7, 1}, {0x95, 0}} { // r0 = 1; exit
		code = binary.NativeEndian.AppendUint32(append(code, word.op, 0, 0, 0), word.imm)
	}
	progFd, err := sys.BPFLoad(unix.BPF_PROG_TYPE_CGROUP_DEVICE, name, code)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(progFd)
	if err := sys.BPFAttach(unifiedFd(t, m), progFd, unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI, -1); err != nil {
		t.Fatal(err)
	}
}

// programs returns the names of the attached programs.
func programs(t *testing.T, m *cgroups.Manager) string {
	t.Helper()
	ids, err := sys.BPFQuery(unifiedFd(t, m), unix.BPF_CGROUP_DEVICE)
	if err != nil {
		t.Fatal(err)
	}
	names := ""
	for _, id := range ids {
		progFd, err := sys.BPFOpen(id)
		if err != nil {
			t.Fatal(err)
		}
		name, err := sys.BPFName(progFd)
		unix.Close(progFd)
		if err != nil {
			t.Fatal(err)
		}
		names += name + " "
	}
	return names
}

func unifiedFd(t *testing.T, m *cgroups.Manager) int {
	t.Helper()
	fd, err := m.UnifiedFd()
	if err != nil {
		t.Fatal(err)
	}
	if fd < 0 {
		t.Skip("no unified hierarchy")
	}
	return fd
}

// H18, H21, H22: rules are replaced by one program, several old ones of ours all go, those of others stay, and rules that
// allow everything need no program.
func TestReplaceFilter(t *testing.T) {
	_, m := scratch(t)
	cacheDir := t.TempDir() + "/cache"
	set := func(rules ...specs.LinuxDeviceCgroup) {
		t.Helper()
		if notCached, err := m.SetDevices(rules, cacheDir); err != nil || notCached != nil {
			t.Fatal(err, notCached)
		}
	}
	want := func(step, names string) {
		t.Helper()
		if got := programs(t, m); got != names {
			t.Fatalf("%s: programs %q, want %q", step, got, names)
		}
	}
	denyAll := specs.LinuxDeviceCgroup{Access: "rwm"}
	allowAll := specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}

	set(allowAll)
	want("allow all on a new cgroup", "")
	set(denyAll)
	want("first rules", "tare_devices ")
	attach(t, m, "sd_devices")
	set(denyAll, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "r"})
	want("replaced beside a foreign one", "tare_devices sd_devices ")
	if others, err := m.ForeignFilters(); err != nil || len(others) != 1 || others[0] != "sd_devices" {
		t.Errorf("foreign: %q, %v", others, err)
	}
	attach(t, m, "tare_devices")
	attach(t, m, "tare_devices")
	set(denyAll)
	want("three old ones", "sd_devices tare_devices ")
	set(allowAll)
	want("allow all", "sd_devices ")
}

// H21: a cgroup holds 64 programs. A full one refuses rules, says why, and keeps the filter that it has; one with a free
// place takes new rules in place of what is left of ours.
func TestFullCgroup(t *testing.T) {
	for _, tc := range []struct {
		name           string
		foreign, ours  int
		full           bool
		oursAfterwards int
	}{
		{"full of others", 64, 0, true, 0},
		{"full with one of ours", 63, 1, true, 1},
		{"one free place, one of ours", 62, 1, false, 1},
		{"one free place, two of ours", 61, 2, false, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, m := scratch(t)
			for range tc.ours {
				attach(t, m, "tare_devices")
			}
			for range tc.foreign {
				attach(t, m, "foreign")
			}
			again, err := cgroups.Load(m.Saved()) // which does not believe the cgroup to be new
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			_, err = again.SetDevices([]specs.LinuxDeviceCgroup{{Access: "rwm"}}, t.TempDir()+"/cache")
			switch {
			case tc.full && (err == nil || !strings.Contains(err.Error(), "64 programs")):
				t.Errorf("a full cgroup: %v", err)
			case !tc.full && err != nil:
				t.Error(err)
			}
			got := programs(t, m)
			foreign, ours := strings.Count(got, "foreign "), strings.Count(got, "tare_devices ")
			if foreign != tc.foreign || ours != tc.oursAfterwards {
				t.Errorf("%d programs of others and %d of ours are left", foreign, ours)
			}
		})
	}
}

// H17: the kernel's verifier takes thousands of rules of any shape, and what it took decides as the policy says.
func TestManyDeviceRules(t *testing.T) {
	const major = 240 // for local use (devices.txt)
	random := rand.New(rand.NewPCG(5, 6))
	number := func(n int) *int64 { return ptr(int64(n)) }
	for _, tc := range []struct {
		name string
		rule func(i int) specs.LinuxDeviceCgroup
	}{
		{"minor numbers", func(i int) specs.LinuxDeviceCgroup {
			return specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: number(major), Minor: number(2 * i), Access: "rw"}
		}},
		{"major numbers", func(i int) specs.LinuxDeviceCgroup {
			return specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: number(i), Access: "r"}
		}},
		{"alternating", func(i int) specs.LinuxDeviceCgroup {
			return specs.LinuxDeviceCgroup{Allow: i%2 == 0, Type: "c", Major: number(major), Minor: number(i), Access: "rw"}
		}},
		{"random", func(int) specs.LinuxDeviceCgroup {
			return specs.LinuxDeviceCgroup{
				Allow: random.IntN(2) == 0, Type: []string{"b", "c"}[random.IntN(2)], Major: number(major - random.IntN(50)),
				Minor: number(random.IntN(500)), Access: []string{"r", "w", "rw", "m", "rwm"}[random.IntN(5)],
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, m := scratch(t)
			unifiedFd(t, m)
			process := cgrouptest.Start(t, m)
			rules := []specs.LinuxDeviceCgroup{{Access: "rwm"}}
			for i := range 2000 {
				rules = append(rules, tc.rule(i))
			}
			if _, err := m.SetDevices(rules, t.TempDir()+"/cache"); err != nil {
				t.Fatal(err)
			}
			policy, err := devicefilter.FromSpec(rules)
			if err != nil {
				t.Fatal(err)
			}
			for _, minor := range []int{0, 1, 6, 7, 250, 1998, 1999, 2001} {
				node := filepath.Join(t.TempDir(), "node")
				if err := unix.Mknod(node, unix.S_IFCHR|0o600, int(unix.Mkdev(major, uint32(minor)))); err != nil {
					t.Fatal(err)
				}
				for flags, access := range map[int]uint8{unix.O_RDONLY: devicefilter.Read, unix.O_RDWR: devicefilter.Read | devicefilter.Write} {
					want := policy.Allows('c', major, uint32(minor), access)
					if got := process.Ask("open %s %d", node, flags); (got != "EPERM") != want {
						t.Errorf("open c %d:%d flags %d: %s, policy says %v", major, minor, flags, got, want)
					}
				}
			}
		})
	}
}

// H11 to H17: for random rules the kernel decides as the policy says. Device numbers without a driver tell an allowed
// open (ENXIO) from a denied one (EPERM).
func TestKernelDecidesAsPolicy(t *testing.T) {
	_, m := scratch(t)
	unifiedFd(t, m)
	process := cgrouptest.Start(t, m)
	dir, cacheDir := t.TempDir(), t.TempDir()+"/cache"
	const major = 240 // for local use (devices.txt)
	random := rand.New(rand.NewPCG(3, 4))
	node := func(typ string, minor int) string { return filepath.Join(dir, fmt.Sprint(typ, minor)) }
	for _, typ := range []string{"b", "c"} {
		for minor := range 3 {
			if got := process.Ask("mknod %s %s %d %d", node(typ, minor), typ, major, minor); got != "ok" {
				t.Fatalf("mknod: %s", got)
			}
		}
	}
	for range 30 {
		rules := []specs.LinuxDeviceCgroup{{Access: "rwm", Allow: random.IntN(2) == 0}}
		for range random.IntN(6) {
			rule := specs.LinuxDeviceCgroup{
				Allow: random.IntN(2) == 0, Type: []string{"", "a", "b", "c"}[random.IntN(4)],
				Access: []string{"r", "w", "rw", "m", "rwm"}[random.IntN(5)],
			}
			if random.IntN(2) == 0 {
				rule.Major = ptr(int64(major))
			}
			if random.IntN(2) == 0 {
				rule.Minor = ptr(int64(random.IntN(3)))
			}
			rules = append(rules, rule)
		}
		policy, err := devicefilter.FromSpec(rules)
		if err != nil {
			t.Fatal(err)
		}
		if notCached, err := m.SetDevices(rules, cacheDir); err != nil || notCached != nil {
			t.Fatal(err, notCached)
		}
		for _, typ := range []string{"b", "c"} {
			for minor := range 3 {
				for flags, access := range map[int]uint8{
					unix.O_RDONLY: devicefilter.Read, unix.O_WRONLY: devicefilter.Write, unix.O_RDWR: devicefilter.Read | devicefilter.Write,
				} {
					want := policy.Allows(typ[0], major, uint32(minor), access)
					got := process.Ask("open %s %d", node(typ, minor), flags)
					if (got != "EPERM") != want {
						t.Fatalf("rules %+v: open %s %d:%d flags %d: %s, policy says %v", rules, typ, major, minor, flags, got, want)
					}
				}
			}
		}
	}
}
