package spec

import (
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// problemTest changes the template and says which problems must come of that: none where want is empty.
type problemTest struct {
	name   string // begins with the row of the feature table
	change func(s *specs.Spec)
	want   []string
}

func runProblemTests(t *testing.T, tests []problemTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Template(false)
			test.change(s)
			got := lines(Validate(s))
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		})
	}
}

func lines(problems []*fault.Error) []string {
	var out []string
	for _, p := range problems {
		out = append(out, strings.TrimPrefix(p.Error(), "config.json "))
	}
	return out
}

func withoutNamespace(s *specs.Spec, kind specs.LinuxNamespaceType) {
	s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
}

func TestValidateTop(t *testing.T) {
	runProblemTests(t, []problemTest{
		{"the template", func(*specs.Spec) {}, nil},
		{"E1 older minor", func(s *specs.Spec) { s.Version = "1.0.0" }, nil},
		{"E1 newer minor", func(s *specs.Spec) { s.Version = "1.99.0" }, nil},
		{"E1 pre-release, as Podman and Docker write it", func(s *specs.Spec) { s.Version = "1.0.2-dev" }, nil},
		{"E1 pre-release and build", func(s *specs.Spec) { s.Version = "1.1.0-rc.1+dev.20240101" }, nil},
		{"E1 W major 2", func(s *specs.Spec) { s.Version = "2.0.0" },
			[]string{`/ociVersion: "2.0.0": not supported; accepted are 1.0.0 and all later 1.x`}},
		{"E1 major 0", func(s *specs.Spec) { s.Version = "0.1.0" },
			[]string{`/ociVersion: "0.1.0": not supported; accepted are 1.0.0 and all later 1.x`}},
		{"E1 not SemVer", func(s *specs.Spec) { s.Version = "1.0" },
			[]string{`/ociVersion: "1.0": is not a version in SemVer 2.0.0 format`}},
		{"E1 missing", func(s *specs.Spec) { s.Version = "" }, []string{"/ociVersion: is missing; write " + specs.Version}},
		{"E4 process absent", func(s *specs.Spec) { s.Process = nil }, nil},
		{"linux absent", func(s *specs.Spec) { s.Linux, s.Mounts, s.Hostname, s.Root.Readonly = nil, nil, "", false }, nil},
		{"F1 W no root", func(s *specs.Spec) { s.Root = nil }, []string{"/root: is missing"}},
		{"F1 no path", func(s *specs.Spec) { s.Root.Path = "" }, []string{"/root/path: is missing"}},
		{"F1 host root", func(s *specs.Spec) { s.Root.Path = "//." },
			[]string{"/root/path: the root of the host cannot be the root of a container"}},
		{"F1 NUL", func(s *specs.Spec) { s.Root.Path = "a\x00b" }, []string{`/root/path: "a\x00b": contains a NUL byte`}},
		{"F1 absolute", func(s *specs.Spec) { s.Root.Path = "/srv/rootfs" }, nil},
		{"F3 read-only root", func(s *specs.Spec) {
			withoutNamespace(s, specs.MountNamespace)
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
		}, []string{`/root/readonly: needs a namespace of type mount; add {"type": "mount"} to /linux/namespaces`}},
		{"E31 W hostname without uts", func(s *specs.Spec) { withoutNamespace(s, specs.UTSNamespace) },
			[]string{`/hostname: needs a namespace of type uts; add {"type": "uts"} to /linux/namespaces`}},
		{"E31 domainname without uts", func(s *specs.Spec) {
			withoutNamespace(s, specs.UTSNamespace)
			s.Hostname, s.Domainname = "", "example.org"
		}, []string{`/domainname: needs a namespace of type uts; add {"type": "uts"} to /linux/namespaces`}},
		{"E31 joined uts", func(s *specs.Spec) { s.Linux.Namespaces[3].Path = "/proc/1/ns/uts" }, nil},
		{"E31 64 bytes", func(s *specs.Spec) { s.Hostname = strings.Repeat("h", 64) }, nil},
		{"E31 65 bytes", func(s *specs.Spec) { s.Hostname = strings.Repeat("h", 65) },
			[]string{`/hostname: "` + strings.Repeat("h", 65) + `": is longer than 64 bytes`}},
		{"E31 NUL", func(s *specs.Spec) { s.Domainname = "\x00" }, []string{`/domainname: "\x00": contains a NUL byte`}},
		{"E32 empty key", func(s *specs.Spec) { s.Annotations = map[string]string{"": "x"} },
			[]string{"/annotations: an annotation has an empty key"}},
		{"E32 unknown and reserved keys", func(s *specs.Spec) {
			s.Annotations = map[string]string{"org.opencontainers.image.os": "linux", "x": ""}
		}, nil},
		{"E3 vm", func(s *specs.Spec) { s.VM = &specs.VM{} },
			[]string{"/vm: virtual machines are not supported by this version of tare"}},
		{"windows is for another platform", func(s *specs.Spec) { s.Windows = &specs.Windows{} }, nil},
	})
}

func TestValidateHooks(t *testing.T) {
	runProblemTests(t, []problemTest{
		{"P6 P7 good, twice the same", func(s *specs.Spec) {
			h := specs.Hook{Path: "/bin/true", Args: []string{"true"}, Env: []string{"A=b"}, Timeout: new(1)}
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{h, h}, Poststop: []specs.Hook{{Path: "/bin/true"}}}
		}, nil},
		{"P6 W relative path, every kind", func(s *specs.Spec) {
			h := []specs.Hook{{Path: "true"}}
			s.Hooks = &specs.Hooks{Prestart: h, CreateRuntime: h, CreateContainer: h, StartContainer: h, Poststart: h, Poststop: h}
		}, []string{
			`/hooks/createContainer/0/path: "true": is not an absolute path`,
			`/hooks/createRuntime/0/path: "true": is not an absolute path`,
			`/hooks/poststart/0/path: "true": is not an absolute path`,
			`/hooks/poststop/0/path: "true": is not an absolute path`,
			`/hooks/prestart/0/path: "true": is not an absolute path`,
			`/hooks/startContainer/0/path: "true": is not an absolute path`,
		}},
		{"P6 no path", func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststart: make([]specs.Hook, 1)} },
			[]string{"/hooks/poststart/0/path: is missing, want an absolute path"}},
		{"P6 NUL", func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{Poststart: []specs.Hook{{Path: "/a\x00", Args: []string{"a", "\x00"}, Env: []string{"A=\x00"}}}}
		}, []string{
			`/hooks/poststart/0/args/1: "\x00": contains a NUL byte`,
			`/hooks/poststart/0/env/0: "A=\x00": contains a NUL byte`,
			`/hooks/poststart/0/path: "/a\x00": contains a NUL byte`,
		}},
		{"P7 W timeout 0", func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/h"}, {Path: "/h", Timeout: new(0)}}}
		}, []string{"/hooks/createRuntime/1/timeout: must be greater than zero; leave it out for no timeout"}},
		{"P7 negative timeout", func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/h", Timeout: new(-1)}}}
		}, []string{"/hooks/createRuntime/0/timeout: must be greater than zero; leave it out for no timeout"}},
	})
}

func TestValidateMounts(t *testing.T) {
	add := func(m specs.Mount) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Mounts = append(s.Mounts[:1:1], m) }
	}
	runProblemTests(t, []problemTest{
		{"F7 relative destination", add(specs.Mount{Destination: "data", Source: "/srv", Options: []string{"bind"}}), nil},
		{"no destination", add(specs.Mount{Type: "tmpfs"}), []string{"/mounts/1/destination: is missing"}},
		{"NUL", add(specs.Mount{Destination: "/\x00", Source: "\x00", Type: "\x00", Options: []string{"ro", "\x00"}}), []string{
			`/mounts/1/destination: "/\x00": contains a NUL byte`,
			`/mounts/1/options/1: "\x00": contains a NUL byte`,
			`/mounts/1/source: "\x00": contains a NUL byte`,
			`/mounts/1/type: "\x00": contains a NUL byte`,
		}},
		{"F13 over /proc/self", add(specs.Mount{Destination: "/proc/self", Type: "tmpfs"}),
			[]string{`/mounts/1/destination: "/proc/self": is inside /proc`}},
		{"F13 by a way around", add(specs.Mount{Destination: "tmp/..//proc/./sys/kernel/../net"}),
			[]string{`/mounts/1/destination: "tmp/..//proc/./sys/kernel/../net": is inside /proc`}},
		{"F13 below a file of the allow list", add(specs.Mount{Destination: "/proc/stat/x"}),
			[]string{`/mounts/1/destination: "/proc/stat/x": is inside /proc`}},
		{"F13 allow list", func(s *specs.Spec) {
			for _, name := range []string{"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
				"sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"} {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/proc/" + name, Source: "/x", Options: []string{"bind"}})
			}
		}, nil},
		{"F13 /proc itself and its neighbours", func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/proc/"}, specs.Mount{Destination: "/process"}, specs.Mount{Destination: "/x/proc/self"})
		}, nil},
		{"F3 no mount namespace", func(s *specs.Spec) { withoutNamespace(s, specs.MountNamespace) }, []string{
			`/linux/maskedPaths: needs a namespace of type mount; add {"type": "mount"} to /linux/namespaces`,
			`/linux/readonlyPaths: needs a namespace of type mount; add {"type": "mount"} to /linux/namespaces`,
			`/mounts: needs a namespace of type mount; add {"type": "mount"} to /linux/namespaces`,
			`/root/readonly: needs a namespace of type mount; add {"type": "mount"} to /linux/namespaces`,
		}},
		{"F33 W idmap without maps", add(specs.Mount{Destination: "/d", Source: "/s", Options: []string{"bind", "idmap"}}), []string{
			"/mounts/1/options: idmap needs uidMappings and gidMappings, or a user namespace",
		}},
		{"F34 W one of two maps", add(specs.Mount{Destination: "/d", UIDMappings: make([]specs.LinuxIDMapping, 1)}), []string{
			"/mounts/1: uidMappings and gidMappings must be given together",
		}},
		{"F34 W the other of two maps", add(specs.Mount{Destination: "/d", GIDMappings: make([]specs.LinuxIDMapping, 1)}), []string{
			"/mounts/1: uidMappings and gidMappings must be given together",
		}},
	})
}

// TestValidateOrder holds that problems come in the order of their pointers, with array indexes as numbers.
func TestValidateOrder(t *testing.T) {
	s := &specs.Spec{Version: "1.0.0", Root: &specs.Root{Path: "r"}, Mounts: make([]specs.Mount, 11)}
	s.Linux = &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}, MaskedPaths: []string{"x"}}
	var got []string
	for _, p := range Validate(s) {
		got = append(got, p.Pointer)
	}
	if len(got) != 12 || got[0] != "/linux/maskedPaths/0" || got[2] != "/mounts/1/destination" || got[11] != "/mounts/10/destination" {
		t.Errorf("got %q", got)
	}
}

// TestMessagesAvoidMatchedPhrases: engines search error text for these and act on them, so no message of ours may
// contain one by accident.
func TestMessagesAvoidMatchedPhrases(t *testing.T) {
	s := Template(false)
	n := 0
	fillProblems(s)
	for _, p := range Validate(s) {
		n++
		for _, phrase := range []string{"permission denied", "operation not permitted", "executable file not found", "no such file",
			"no such process", "does not exist", "not running", "already finished", "is a directory", "not a directory"} {
			if strings.Contains(strings.ToLower(p.Error()), phrase) {
				t.Errorf("%s: contains %q", p, phrase)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d problems: the test has lost its input", n)
	}
}

// fillProblems makes as much wrong as fits into one configuration.
func fillProblems(s *specs.Spec) {
	s.Version, s.Root.Path, s.Hostname = "2", "/", strings.Repeat("\x00", 65)
	s.Annotations = map[string]string{"": ""}
	s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Timeout: new(0)}, {Path: "x"}}}
	s.Mounts = []specs.Mount{{}, {Destination: "/proc/1", Options: []string{"idmap"}}}
	p := s.Process
	p.Cwd, p.Args, p.Env = "x", nil, []string{"x", "=", "\x00"}
	p.User = specs.User{UID: 1<<32 - 1, Umask: new(uint32(512))}
	p.Rlimits = []specs.POSIXRlimit{{Type: "x", Soft: 1}, {Type: "x"}}
	p.OOMScoreAdj, p.ApparmorProfile, p.SelinuxLabel = new(1001), "x", "x"
	p.Scheduler = &specs.Scheduler{Policy: "x"}
	p.IOPriority = &specs.LinuxIOPriority{Class: "x", Priority: 8}
	p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "x"}
	l := s.Linux
	l.Namespaces = []specs.LinuxNamespace{{Type: "x", Path: "x"}, {Type: "x"}, {Type: specs.UserNamespace}}
	l.Sysctl = map[string]string{"vm.swappiness": "1", "a..b": "", "net.x": "\x00", "kernel.hostname": "x"}
	l.Devices = []specs.LinuxDevice{{Type: "x"}, {Path: "/x", Type: "c", Major: -1, Minor: 1 << 20}}
	l.RootfsPropagation, l.CgroupsPath, l.Personality = "x", "../x", &specs.LinuxPersonality{Flags: []specs.LinuxPersonalityFlag{"x"}}
	l.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActNotify, DefaultErrnoRet: new(uint(1)), Syscalls: make([]specs.LinuxSyscall, 1)}
	l.Resources.Devices = []specs.LinuxDeviceCgroup{{Type: "x", Major: new(int64(-2))}, {Access: "x"}}
	l.Resources.Unified = map[string]string{"../x": ""}
}
