package spec

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestValidateNamespaces(t *testing.T) {
	add := func(n specs.LinuxNamespace) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Namespaces = append(s.Linux.Namespaces, n) }
	}
	runProblemTests(t, []problemTest{
		{"G4 W duplicate", add(specs.LinuxNamespace{Type: specs.PIDNamespace, Path: "/proc/1/ns/pid"}),
			[]string{`/linux/namespaces/6/type: "pid": is listed twice`}},
		{"unknown type", add(specs.LinuxNamespace{Type: "net"}), []string{`/linux/namespaces/6/type: "net": is not a type of namespace`}},
		{"G5 joined", func(s *specs.Spec) { s.Linux.Namespaces[1].Path = "/run/netns/a" }, nil},
		{"G5 relative path", func(s *specs.Spec) { s.Linux.Namespaces[1].Path = "netns/a" },
			[]string{`/linux/namespaces/1/path: "netns/a": is not an absolute path`}},
		{"G5 NUL", func(s *specs.Spec) { s.Linux.Namespaces[1].Path = "/a\x00" },
			[]string{`/linux/namespaces/1/path: "/a\x00": contains a NUL byte`}},
	})
	runProblemTests(t, []problemTest{
		{"G12 without the namespace", func(s *specs.Spec) {
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: -1}}
		}, []string{"/linux/timeOffsets: needs a new time namespace"}},
		{"G12 joined namespace", func(s *specs.Spec) {
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1}}
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace, Path: "/x"})
		}, []string{"/linux/timeOffsets: needs a new time namespace"}},
		{"G12 clock and nanoseconds", func(s *specs.Spec) {
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"realtime": {}, "monotonic": {Nanosecs: 1e9}}
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		}, []string{
			"/linux/timeOffsets/monotonic/nanosecs: must be below 1000000000",
			"/linux/timeOffsets/realtime: is neither monotonic nor boottime",
		}},
	})
}

func TestValidatePaths(t *testing.T) {
	runProblemTests(t, []problemTest{
		{"I6 relative", func(s *specs.Spec) {
			s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/a", "proc/b"}, []string{"", "/\x00"}
		},
			[]string{
				`/linux/maskedPaths/1: "proc/b": is not an absolute path`,
				"/linux/readonlyPaths/0: is missing, want an absolute path",
				`/linux/readonlyPaths/1: "/\x00": contains a NUL byte`,
			}},
		{"I7 recursive", func(s *specs.Spec) { s.Linux.RootfsPropagation = "runbindable" }, nil},
		{"I7 unknown", func(s *specs.Spec) { s.Linux.RootfsPropagation = "rrshared" }, []string{`/linux/rootfsPropagation: "rrshared": ` +
			"is not a propagation; accepted are shared, slave, private, unbindable, and rshared, rslave, rprivate, runbindable"}},
		{"J9 parent", func(s *specs.Spec) { s.Linux.CgroupsPath = "/a/../../b" },
			[]string{`/linux/cgroupsPath: "/a/../../b": has a "." or ".." component`}},
		{"J9 dot", func(s *specs.Spec) { s.Linux.CgroupsPath = "./a" }, []string{`/linux/cgroupsPath: "./a": has a "." or ".." component`}},
		{"J9 NUL", func(s *specs.Spec) { s.Linux.CgroupsPath = "/a\x00" }, []string{`/linux/cgroupsPath: "/a\x00": contains a NUL byte`}},
		{"J6 J7 J10 forms", func(s *specs.Spec) { s.Linux.CgroupsPath = "system.slice:cri:..x" }, nil},
		{"I9 I10 personality", func(s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: "BSD", Flags: []specs.LinuxPersonalityFlag{"ADDR_NO_RANDOMIZE"}}
		}, []string{
			`/linux/personality/domain: "BSD": is neither LINUX nor LINUX32`,
			"/linux/personality/flags: must be empty: the specification defines no flag",
		}},
	})
}

func TestValidateDevices(t *testing.T) {
	set := func(devices ...specs.LinuxDevice) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Devices = devices }
	}
	rule := func(r specs.LinuxDeviceCgroup) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{r} }
	}
	runProblemTests(t, []problemTest{
		{"H1 H2 H4 all types", set(
			specs.LinuxDevice{Path: "/dev/a", Type: "c", Major: 4095, Minor: 1<<20 - 1}, specs.LinuxDevice{Path: "/x/b", Type: "b"},
			specs.LinuxDevice{Path: "/dev/u", Type: "u"}, specs.LinuxDevice{Path: "/dev/p", Type: "p", Major: -1, Minor: -1}), nil},
		{"H4 type", set(specs.LinuxDevice{Path: "/dev/a", Type: "char"}),
			[]string{`/linux/devices/0/type: "char": is not a type of device; accepted are c, u, b and p`}},
		{"H4 path", set(specs.LinuxDevice{Path: "dev/a", Type: "c"}), []string{`/linux/devices/0/path: "dev/a": is not an absolute path`}},
		{"H4 numbers", set(specs.LinuxDevice{Path: "/a", Type: "b", Major: 4096, Minor: -1}),
			[]string{"/linux/devices/0/major: is not a device number", "/linux/devices/0/minor: is not a device number"}},
		{"H4 owner", set(specs.LinuxDevice{Path: "/a", Type: "c", UID: new(uint32(1<<32 - 1)), GID: new(uint32(1<<32 - 1))}),
			[]string{"/linux/devices/0/gid: is 4294967295, which is not an id", "/linux/devices/0/uid: is 4294967295, which is not an id"}},
		{"H3 W conflict", set(specs.LinuxDevice{Path: "/a", Type: "c", Minor: 1}, specs.LinuxDevice{Path: "/a", Type: "c", Minor: 2}),
			[]string{`/linux/devices/1/path: "/a": an earlier entry makes another device here`}},
		{"H3 the same twice", set(specs.LinuxDevice{Path: "/a", Type: "c"}, specs.LinuxDevice{Path: "/a", Type: "c", UID: new(uint32(1))}), nil},

		{"H12 everything unset", rule(specs.LinuxDeviceCgroup{Access: "rwm"}), nil},
		{"H12 -1 for all", rule(specs.LinuxDeviceCgroup{Type: "b", Major: new(int64(-1)), Minor: new(int64(-1)), Access: "m"}), nil},
		{"H12 type", rule(specs.LinuxDeviceCgroup{Type: "p", Access: "r"}),
			[]string{`/linux/resources/devices/0/type: "p": is not a type of device; accepted are a, c and b`}},
		{"H12 numbers", rule(specs.LinuxDeviceCgroup{Major: new(int64(-2)), Minor: new(int64(1 << 20)), Access: "r"}), []string{
			"/linux/resources/devices/0/major: is not a device number", "/linux/resources/devices/0/minor: is not a device number",
		}},
		{"H12 access", rule(specs.LinuxDeviceCgroup{Access: "rx"}),
			[]string{`/linux/resources/devices/0/access: "rx": is not an access; use a composition of r, w and m`}},
		{"H16 empty access", rule(specs.LinuxDeviceCgroup{Allow: true}),
			[]string{"/linux/resources/devices/0/access: is empty; use a composition of r, w and m"}},
	})
}

func TestValidateUnified(t *testing.T) {
	for _, test := range []struct {
		key  string
		good bool
	}{
		{"memory.high", true}, {"hugetlb.1GB.max", true}, {"unknown", true}, {"..memory", true},
		{"", false}, {".", false}, {"..", false}, {"../x", false}, {"a/../../b", false}, {"/x", false}, {"a\x00", false},
	} {
		t.Run("J36 "+test.key, func(t *testing.T) {
			s := Template(false)
			s.Linux.Resources.Unified = map[string]string{test.key: "1"}
			if got := lines(Validate(s)); (len(got) == 0) != test.good {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestValidateSeccomp(t *testing.T) {
	set := func(p specs.LinuxSeccomp) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Seccomp = &p }
	}
	rule := func(action specs.LinuxSeccompAction, errno *uint) func(*specs.Spec) {
		return set(specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"write"}, Action: action, ErrnoRet: errno}}})
	}
	runProblemTests(t, []problemTest{
		{"O3 errnoRet of ERRNO", rule(specs.ActErrno, new(uint(38))), nil},
		{"O3 errnoRet of TRACE", rule(specs.ActTrace, new(uint(1))), nil},
		{"O3 W errnoRet on ALLOW", rule(specs.ActAllow, new(uint(1))),
			[]string{"/linux/seccomp/syscalls/0/errnoRet: has no meaning with SCMP_ACT_ALLOW; remove it, or use SCMP_ACT_ERRNO"}},
		{"O3 defaultErrnoRet on KILL", set(specs.LinuxSeccomp{DefaultAction: specs.ActKill, DefaultErrnoRet: new(uint(0))}),
			[]string{"/linux/seccomp/defaultErrnoRet: has no meaning with SCMP_ACT_KILL; remove it, or use SCMP_ACT_ERRNO"}},
		{"O12 W listenerMetadata alone", set(specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerMetadata: "x"}),
			[]string{"/linux/seccomp/listenerMetadata: must not be set without listenerPath"}},
		{"O12 with listenerPath", set(specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerMetadata: "x", ListenerPath: "/s"}),
			nil},
		{"O11 relative listenerPath", set(specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: "s"}),
			[]string{`/linux/seccomp/listenerPath: "s": is not an absolute path`}},
		{"O13 NOTIFY by default", set(specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: "/s"}), nil},
		{"O13 NOTIFY by default without an agent", set(specs.LinuxSeccomp{DefaultAction: specs.ActNotify}),
			[]string{"/linux/seccomp/defaultAction: needs listenerPath; it is the socket of the agent that answers"}},
		{"O13 NOTIFY without an agent", rule(specs.ActNotify, nil),
			[]string{"/linux/seccomp/syscalls/0/action: needs listenerPath; it is the socket of the agent that answers"}},
		{"O3 errnoRet of NOTIFY", set(specs.LinuxSeccomp{DefaultAction: specs.ActNotify, DefaultErrnoRet: new(uint(1)), ListenerPath: "/s"}),
			[]string{"/linux/seccomp/defaultErrnoRet: has no meaning with SCMP_ACT_NOTIFY; remove it, or use SCMP_ACT_ERRNO"}},
		{"nothing said", set(specs.LinuxSeccomp{Syscalls: make([]specs.LinuxSyscall, 1)}), []string{
			"/linux/seccomp/defaultAction: is missing", "/linux/seccomp/syscalls/0/action: is missing",
			"/linux/seccomp/syscalls/0/names: must contain at least one name",
		}},
	})
}
