package integration

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// plannedStep is one step as `plan --format json` prints it.
type plannedStep struct {
	Side, Step, Pointer string
	Members             map[string]any
}

func (s plannedStep) member(name string) string {
	text, _ := s.Members[name].(string)
	return text
}

func (b *bundle) plan() []plannedStep {
	b.t.Helper()
	b.writeConfig()
	r := run(b.t, "plan", "--format=json", "--bundle", b.dir, b.id).succeeds()
	var document struct {
		ID    string
		Steps []plannedStep
	}
	must(b.t, json.Unmarshal([]byte(r.stdout), &document))
	wants(b.t, "id", document.ID, b.id)
	return document.Steps
}

// What plan prints for the runtime is what create does: --debug names each step that it takes.
func TestPlanIsWhatTheRuntimeDoes(t *testing.T) {
	b := newBundle(t, withArgs("true"))
	var planned []string
	for _, s := range b.plan() {
		if s.Side == "runtime" {
			planned = append(planned, s.Step)
		}
	}
	b.nothingLeft()
	r := run(t, "--debug", "create", "--bundle", b.dir, b.id).succeeds()
	var taken []string
	for line := range strings.Lines(r.stderr) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), b.id+": step: "); ok {
			taken = append(taken, strings.TrimSuffix(name, `"`))
		}
	}
	if len(taken) == 0 || !slices.Equal(planned, taken) {
		t.Errorf("planned %q\ntaken   %q", planned, taken)
	}
}

// callOf is the system call by which a step of init is recognised in a trace, with as much of its arguments as the step
// decides; "" for a step that is not looked for.
func callOf(s plannedStep) string {
	switch s.Step {
	case "session keyring":
		return "keyctl(KEYCTL_JOIN_SESSION_KEYRING, " + strconv.Quote(s.member("name"))
	case "cgroup namespace":
		return "unshare(CLONE_NEWCGROUP)"
	case "hostname":
		return "sethostname(" + strconv.Quote(s.member("name"))
	case "domainname":
		return "setdomainname(" + strconv.Quote(s.member("name"))
	case "mount":
		if s.member("type") != "bind" {
			return "fsopen(" + strconv.Quote(s.member("type"))
		}
		return strconv.Quote(s.member("source"))
	case "device":
		return "mknodat("
	case "pivot":
		return "pivot_root("
	case "identity":
		return "setresuid("
	case "capabilities":
		return "capset("
	case "no_new_privs":
		return "prctl(PR_SET_NO_NEW_PRIVS"
	case "exec":
		return "execve(\"/bin/true\""
	}
	return ""
}

// What plan prints for init is what init does, in that order, as a trace of its system calls shows.
func TestPlanIsWhatInitDoes(t *testing.T) {
	strace, err := exec.LookPath("strace")
	skipUnless(t, err == nil, "strace is missing")
	b := newBundle(t, withArgs("/bin/true"), func(s *specs.Spec) {
		s.Hostname, s.Domainname = "host-of-the-plan", "domain.of.the.plan"
		s.Process.User.UID = 1000
	})
	b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: "/data", Type: "bind", Source: b.directory("source"), Options: []string{"rbind", "ro"}})
	steps := b.plan()

	trace := filepath.Join(b.dir, "trace")
	c := exec.Command(strace, "-ff", "-s", "4096", "-o", trace, tare, "--root", stateRoot(), "run", "--bundle", b.dir, b.id)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	calls := initTrace(t, trace)
	at, found := 0, 0
	for _, s := range steps {
		call := callOf(s)
		if s.Side != "init" || call == "" {
			continue
		}
		next := slices.IndexFunc(calls[at:], func(line string) bool { return strings.Contains(line, call) })
		if next < 0 {
			t.Fatalf("step %q (%s) is not taken after the step before it: no %s", s.Step, s.Pointer, call)
		}
		at += next + 1
		found++
	}
	if found < 15 {
		t.Errorf("only %d steps were compared", found)
	}
}

// initTrace is the trace of the one process that becomes the program.
func initTrace(t *testing.T, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(prefix + ".*")
	must(t, err)
	for _, file := range files {
		text := read(t, file)
		if strings.Contains(text, "pivot_root(") {
			return strings.Split(text, "\n")
		}
	}
	t.Fatalf("none of %d traces has a pivot_root", len(files))
	return nil
}
