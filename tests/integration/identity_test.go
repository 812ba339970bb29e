package integration

import (
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// E10 E12: user, group and supplementary groups, in all their kinds.
func TestUser(t *testing.T) {
	for _, test := range []struct {
		name     string
		uid, gid uint32
		groups   []uint32
		want     string
	}{
		{"root", 0, 0, nil, "0 0 0 0|0 0 0 0|"},
		{"user", 1000, 1001, nil, "1000 1000 1000 1000|1001 1001 1001 1001|"},
		{"groups", 1000, 1000, []uint32{5, 10, 4000000000}, "1000 1000 1000 1000|1000 1000 1000 1000|5 10 4000000000"},
		{"root with a group", 0, 5, []uint32{5}, "0 0 0 0|5 5 5 5|5"},
		{"the highest", math.MaxUint32 - 1, math.MaxUint32 - 1, nil, "4294967294 4294967294 4294967294 4294967294|4294967294 4294967294 4294967294 4294967294|"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withUser(test.uid, test.gid), withArgs("cat", "/proc/self/status"))
			b.spec.Process.User.AdditionalGids = test.groups
			var got []string
			for _, name := range []string{"Uid:", "Gid:", "Groups:"} {
				got = append(got, statusFields(b.output(), name))
			}
			wants(t, "ids", strings.Join(got, "|"), test.want)
		})
	}
}

// statusFields is a line of /proc/PID/status, without its name, separated by single spaces.
func statusFields(status, name string) string {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return "no line " + name
}

// CVE-2016-3697: a user is a number, whatever the container's passwd says of a name that looks like it.
func TestNumericUserName(t *testing.T) {
	b := newBundle(t, withUser(1000, 1000), withShell("id -u"))
	b.file("etc/passwd", "1000:x:0:0:root:/root:/bin/sh\n")
	wants(t, "uid", b.output(), "1000")
}

// E11: the umask as given; without one it is 0022, as runc and crun have it.
func TestUmask(t *testing.T) {
	for _, test := range []struct {
		umask *uint32
		want  string
	}{{nil, "0022"}, {new(uint32(0)), "0000"}, {new(uint32(0o27)), "0027"}, {new(uint32(0o777)), "0777"}} {
		b := newBundle(t, withShell("umask"))
		b.spec.Process.User.Umask = test.umask
		wants(t, "umask", b.output(), test.want)
	}
}

// E14: limits as given. RLIMIT_NOFILE of the program is not what the Go runtime has raised it to.
func TestRlimits(t *testing.T) {
	b := newBundle(t, withArgs("cat", "/proc/self/limits"))
	b.spec.Process.Rlimits = []specs.POSIXRlimit{
		{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200},
		{Type: "RLIMIT_CORE", Soft: 0, Hard: 0},
		{Type: "RLIMIT_FSIZE", Soft: 1 << 20, Hard: math.MaxUint64},
		{Type: "RLIMIT_NPROC", Soft: 50, Hard: 60},
	}
	out := b.output()
	for name, want := range map[string]string{
		"Max open files": "100 200 files", "Max core file size": "0 0 bytes",
		"Max file size": "1048576 unlimited bytes", "Max processes": "50 60 processes",
	} {
		wants(t, name, statusFields(out, name), want)
	}
}

// E14: what is not limited is as the caller has it.
func TestRlimitsInherited(t *testing.T) {
	var before unix.Rlimit
	must(t, unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &before))
	low := unix.Rlimit{Cur: 333, Max: before.Max}
	must(t, unix.Prlimit(0, unix.RLIMIT_NOFILE, &low, nil)) // also tells package syscall not to restore its own
	defer unix.Prlimit(0, unix.RLIMIT_NOFILE, &before, nil)
	b := newBundle(t, withArgs("cat", "/proc/self/limits"))
	b.spec.Process.Rlimits = nil
	want := fmt.Sprintf("333 %d files", before.Max)
	wants(t, "run", statusFields(b.output(), "Max open files"), want)
	created := newBundle(t, withArgs("cat", "/proc/self/limits"))
	created.spec.Process.Rlimits = nil
	created.create().start()
	created.wait()
	wants(t, "create and start", statusFields(read(t, created.stdout), "Max open files"), want)
}

// E14: a hard limit that may not be raised is an error, and one that names the limit.
func TestRlimitsDenied(t *testing.T) {
	b := newBundle(t)
	b.spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1 << 40, Hard: 1 << 40}}
	b.try("create").fails("/process/rlimits", "RLIMIT_NOFILE", "operation not permitted")
	b.nothingLeft()
}

// The numbers of some capabilities, linux/capability.h.
const (
	capChown          = 1 << 0
	capKill           = 1 << 5
	capNetBindService = 1 << 10
)

// E17 E18: the five sets exactly as given, for root and for a user. CVE-2016-8867: a user has nothing that is not listed.
// CVE-2022-29162: nothing becomes inheritable by itself.
func TestCapabilities(t *testing.T) {
	all := []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	const everything = capChown | capKill | capNetBindService
	for _, test := range []struct {
		name string
		caps specs.LinuxCapabilities
		// of /proc/PID/status, after execve: inheritable, permitted, effective, bounding, ambient
		root, user [5]uint64
	}{
		{
			"none", specs.LinuxCapabilities{}, [5]uint64{}, [5]uint64{},
		},
		{
			"no inheritable", specs.LinuxCapabilities{Bounding: all, Permitted: all, Effective: all},
			[5]uint64{0, everything, everything, everything, 0},
			[5]uint64{0, 0, 0, everything, 0},
		},
		{
			"bounding alone", specs.LinuxCapabilities{Bounding: all},
			[5]uint64{0, everything, everything, everything, 0}, // execve by root gives the bounding set (capabilities(7))
			[5]uint64{0, 0, 0, everything, 0},
		},
		{
			"ambient", specs.LinuxCapabilities{Bounding: all, Permitted: all, Effective: all, Inheritable: all[:2], Ambient: all[:1]},
			[5]uint64{capChown | capKill, everything, everything, everything, capChown},
			[5]uint64{capChown | capKill, capChown, capChown, everything, capChown},
		},
		{
			"sets that differ", specs.LinuxCapabilities{Bounding: all[:2], Permitted: all, Effective: all[:1], Inheritable: all[1:2]},
			[5]uint64{capKill, capChown | capKill, capChown | capKill, capChown | capKill, 0},
			[5]uint64{capKill, 0, 0, capChown | capKill, 0},
		},
	} {
		for uid, want := range map[uint32][5]uint64{0: test.root, 1000: test.user} {
			t.Run(fmt.Sprintf("%s as %d", test.name, uid), func(t *testing.T) {
				b := newBundle(t, withUser(uid, uid), withArgs("cat", "/proc/self/status"))
				b.spec.Process.Capabilities = &test.caps
				b.spec.Process.NoNewPrivileges = false
				if got := capabilitySets(t, b.output()); got != want {
					t.Errorf("got %x, want %x", got, want)
				}
			})
		}
	}
}

func capabilitySets(t *testing.T, status string) (sets [5]uint64) {
	t.Helper()
	for i, name := range []string{"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"} {
		_, err := fmt.Sscanf(statusFields(status, name), "%x", &sets[i])
		must(t, err)
	}
	return sets
}

// E17: without capabilities in the configuration, nothing is dropped.
func TestCapabilitiesAbsent(t *testing.T) {
	b := newBundle(t, withArgs("cat", "/proc/self/status"))
	b.spec.Process.Capabilities = nil
	got, own := capabilitySets(t, b.output()), capabilitySets(t, read(t, "/proc/self/status"))
	if got[3] != own[3] {
		t.Errorf("bounding set %x, the runtime has %x", got[3], own[3])
	}
}

// E19 E20: a name that nobody knows, and a capability the runtime itself does not have, are warnings.
func TestCapabilitiesUnknown(t *testing.T) {
	list := []string{"CAP_NOSUCH", "CAP_KILL"}
	b := newBundle(t, withArgs("cat", "/proc/self/status"))
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Effective: list, Permitted: list}
	r := b.tryWith(invocation{args: []string{"--debug"}}, "run").succeeds()
	if got := capabilitySets(t, r.stdout); got[2] != capKill {
		t.Errorf("effective %x", got[2])
	}
	if !slices.ContainsFunc(strings.Split(r.stderr, "\n"), func(l string) bool { return strings.Contains(l, "CAP_NOSUCH") }) {
		t.Errorf("no warning: %s", r.stderr)
	}
}

// E20: what the caller of tare does not have is not granted, which is said, and the container starts.
func TestCapabilitiesNotHeld(t *testing.T) {
	skipUnless(t, commandExists("setpriv"), "setpriv is missing (util-linux)")
	list := []string{"CAP_NET_RAW", "CAP_KILL"}
	b := newBundle(t, withArgs("cat", "/proc/self/status"))
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Effective: list, Permitted: list}
	b.writeConfig()
	c := exec.Command("setpriv", "--bounding-set=-net_raw", tare, "--debug", "--root", stateRoot(), "run", b.id)
	var stdout, stderr strings.Builder
	c.Dir, c.Stdout, c.Stderr = b.dir, &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if got := capabilitySets(t, stdout.String()); got[2] != capKill {
		t.Errorf("effective %x", got[2])
	}
	for _, once := range []string{"cannot be granted: CAP_NET_RAW\"", "cannot be granted: CAP_NET_RAW (ambient"} {
		if !strings.Contains(stderr.String(), once) {
			t.Errorf("no warning %q: %s", once, stderr.String())
		}
	}
}

// D21: the streams belong to the container's user, who can open them again; /dev/null never does.
func TestStreamsOwned(t *testing.T) {
	b := newBundle(t, withUser(1000, 1000), withShell("stat -L -c %u /dev/fd/1; echo again >>/dev/stdout"))
	wants(t, "output", b.output(), "1000\nagain")
	var st unix.Stat_t
	must(t, unix.Stat("/dev/null", &st))
	if st.Uid != 0 {
		t.Errorf("/dev/null belongs to %d", st.Uid)
	}
}
