package spec

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// CVE-2026-46680: the largest number of 32 bits is no id.
func TestValidateProcess(t *testing.T) {
	runProblemTests(t, []problemTest{
		{"E7 W relative cwd", func(s *specs.Spec) { s.Process.Cwd = "root" }, []string{`/process/cwd: "root": is not an absolute path`}},
		{"E7 no cwd", func(s *specs.Spec) { s.Process.Cwd = "" }, []string{"/process/cwd: is missing, want an absolute path"}},
		{"E9 W no args", func(s *specs.Spec) { s.Process.Args = nil },
			[]string{"/process/args: is empty, want the program and its arguments"}},
		{"E9 NUL", func(s *specs.Spec) { s.Process.Args = []string{"sh", "a\x00"} },
			[]string{`/process/args/1: "a\x00": contains a NUL byte`}},
		{"E8 duplicates and empty values", func(s *specs.Spec) { s.Process.Env = []string{"A=1", "A=2", "B=", "C==="} }, nil},
		{"E8 not a variable", func(s *specs.Spec) { s.Process.Env = []string{"A=1", "B", "=C", "", "D=\x00"} }, []string{
			`/process/env/1: "B": has no "="`,
			`/process/env/2: "=C": has no name before "="`,
			`/process/env/3: has no "="`,
			`/process/env/4: "D=\x00": contains a NUL byte`,
		}},
		{"E10 E12 the id that is none", func(s *specs.Spec) {
			s.Process.User = specs.User{UID: 1<<32 - 1, GID: 1<<32 - 1, AdditionalGids: []uint32{0, 1<<32 - 1}}
		}, []string{
			"/process/user/additionalGids/1: is 4294967295, which is not an id",
			"/process/user/gid: is 4294967295, which is not an id",
			"/process/user/uid: is 4294967295, which is not an id",
		}},
		{"E10 the largest id", func(s *specs.Spec) { s.Process.User.UID = 1<<32 - 2 }, nil},
		{"E11 umask", func(s *specs.Spec) { s.Process.User.Umask = new(uint32(0o777)) }, nil},
		{"E11 umask in octal by mistake", func(s *specs.Spec) { s.Process.User.Umask = new(uint32(755)) },
			[]string{"/process/user/umask: is larger than 511, which is octal 777; the number is decimal: 18 is octal 022"}},
		{"E13 Windows fields", func(s *specs.Spec) { s.Process.CommandLine, s.Process.User.Username = "cmd", "me" }, nil},
		{"E5 E6 console size", func(s *specs.Spec) { s.Process.ConsoleSize = &specs.Box{Height: 65536} },
			[]string{"/process/consoleSize: is larger than 65535"}},
		{"E6 ignored without terminal", func(s *specs.Spec) {
			s.Process.Terminal, s.Process.ConsoleSize = false, &specs.Box{Height: 65536}
		}, nil},
		{"E22 oomScoreAdj at its bounds", func(s *specs.Spec) { s.Process.OOMScoreAdj = new(-1000) }, nil},
		{"E22 oomScoreAdj beyond", func(s *specs.Spec) { s.Process.OOMScoreAdj = new(1001) },
			[]string{"/process/oomScoreAdj: must be from -1000 to 1000"}},
		{"E17 absent capabilities", func(s *specs.Spec) { s.Process.Capabilities = nil }, nil},
		{"E19 W unknown capability is no error", func(s *specs.Spec) { s.Process.Capabilities.Bounding = []string{"CAP_FLY"} }, nil},
	})
}

func TestValidateRlimits(t *testing.T) {
	set := func(limits ...specs.POSIXRlimit) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Process.Rlimits = limits }
	}
	var all []specs.POSIXRlimit
	for _, name := range []string{"AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE", "NPROC",
		"RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"} {
		all = append(all, specs.POSIXRlimit{Type: "RLIMIT_" + name, Soft: 1, Hard: 1<<64 - 1})
	}
	runProblemTests(t, []problemTest{
		{"E14 all of getrlimit(2)", set(all...), nil},
		{"E14 W unknown", set(specs.POSIXRlimit{Type: "NOFILE"}), []string{`/process/rlimits/0/type: "NOFILE": is not a resource limit`}},
		{"E14 W duplicate", set(specs.POSIXRlimit{Type: "RLIMIT_CORE"}, specs.POSIXRlimit{Type: "RLIMIT_CPU"}, specs.POSIXRlimit{Type: "RLIMIT_CORE"}),
			[]string{`/process/rlimits/2/type: "RLIMIT_CORE": is listed twice`}},
		{"E14 soft above hard", set(specs.POSIXRlimit{Type: "RLIMIT_CORE", Soft: 2, Hard: 1}),
			[]string{"/process/rlimits/0/soft: is above the hard limit"}},
	})
}

// The next tests look at the values only; that the settings as such are refused is the business of TestUnsupported.
func TestValidateScheduling(t *testing.T) {
	for _, test := range []struct {
		name string
		s    specs.Scheduler
		want string
	}{
		{"E23 nice", specs.Scheduler{Policy: specs.SchedBatch, Nice: -20}, ""},
		{"E23 priority", specs.Scheduler{Policy: specs.SchedRR, Priority: 99}, ""},
		{"E23 deadline", specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1, Deadline: 2, Period: 3}, ""},
		{"E23 no policy", specs.Scheduler{Nice: 1}, "/process/scheduler/policy: is not a scheduling policy"},
		{"E23 unknown policy", specs.Scheduler{Policy: "SCHED_X"}, `/process/scheduler/policy: "SCHED_X": is not a scheduling policy`},
		{"E23 nice out of range", specs.Scheduler{Policy: specs.SchedOther, Nice: 20}, "/process/scheduler/nice: must be from -20 to 19"},
		{"E23 nice and FIFO", specs.Scheduler{Policy: specs.SchedFIFO, Nice: 1, Priority: 1}, "/process/scheduler/nice: has no meaning with SCHED_FIFO"},
		{"E23 priority and OTHER", specs.Scheduler{Policy: specs.SchedOther, Priority: 1}, "/process/scheduler/priority: has no meaning with SCHED_OTHER"},
		{"E23 FIFO without priority", specs.Scheduler{Policy: specs.SchedFIFO}, "/process/scheduler/priority: must be from 1 to 99 with SCHED_FIFO"},
		{"E23 runtime and IDLE", specs.Scheduler{Policy: specs.SchedIdle, Runtime: 1}, "/process/scheduler: runtime, deadline and period have no meaning with SCHED_IDLE"},
		{"E24 flags", specs.Scheduler{Policy: specs.SchedISO, Flags: []specs.LinuxSchedulerFlag{
			specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
			specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax,
		}}, ""},
		{"E24 unknown flag", specs.Scheduler{Policy: specs.SchedOther, Flags: []specs.LinuxSchedulerFlag{"X"}},
			`/process/scheduler/flags/0: "X": is not a scheduler flag`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &checker{}
			c.scheduler(&test.s)
			expectOne(t, c, test.want)
		})
	}
	for _, test := range []struct {
		name string
		p    specs.LinuxIOPriority
		want string
	}{
		{"E25 good", specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE, Priority: 7}, ""},
		{"E25 class", specs.LinuxIOPriority{Class: "RT"}, `/process/ioPriority/class: "RT": is not an I/O scheduling class`},
		{"E25 priority", specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 8}, "/process/ioPriority/priority: must be from 0 to 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &checker{}
			c.ioPriority(&test.p)
			expectOne(t, c, test.want)
		})
	}
}

func TestValidateCPUAffinity(t *testing.T) {
	for _, test := range []struct {
		cpus string
		good bool
	}{
		{"", true}, {"7", true}, {"0-3,7", true}, {"3-3", true},
		{"3-1", false}, {"a", false}, {"1,", false}, {"1-", false}, {"-1", false}, {"0x1", false}, {"1 2", false},
	} {
		t.Run("E26 "+test.cpus, func(t *testing.T) {
			s := Template(false)
			s.Process.ExecCPUAffinity = &specs.CPUAffinity{Final: test.cpus}
			if got := lines(Validate(s)); (len(got) == 0) != test.good {
				t.Errorf("got %q", got)
			}
		})
	}
}

// expectOne wants one problem, or none where want is empty.
func expectOne(t *testing.T, c *checker, want string) {
	t.Helper()
	got := lines(c.sorted())
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// E26: the numbers that a list of CPUs may have.
func TestParseCPUs(t *testing.T) {
	for list, want := range map[string]int{
		"": 0, "0": 1, "0-3,7": 5, "8191": 1, "8190-8191": 2,
		"8192": -1, "0-8192": -1, "3-0": -1, "-1": -1, "1-": -1, ",": -1, "a": -1, "1,,2": -1,
	} {
		if cpus, ok := ParseCPUs(list); ok != (want >= 0) || ok && len(cpus) != want {
			t.Errorf("%q: %d, %v", list, len(cpus), ok)
		}
	}
}
