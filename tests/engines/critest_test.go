package engines

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	critestFocus = flag.String("critest", conformanceSpecs, "run the specs of critest that match this regular expression; \"\" is all of them")
	critestNodes = flag.String("critest-nodes", "4", "run so many specs of critest at a time")
)

// conformanceSpecs are those that every run tries: what Kubernetes demands of a node, and what a runtime has a part in besides.
const conformanceSpecs = `Conformance|Security Context|Mount|OOM|sysctls`

// notForRuntimes are the specs that no runtime can change the end of, by a part of their names, with the reason.
var notForRuntimes = map[string]string{
	"Image Manager":              "the engine alone works with images",
	"Idempotence Stop":           "the suite wants what containerd answers since 2.0",
	"should support MaskedPaths": "it masks /bin/ls, but Debian's busybox does not execute a file for what it can do itself",
}

// racy are the specs whose end is a matter of the engine's timing as well, by a part of their names. They have to pass once in
// racyTries.
var racy = map[string]string{
	"should terminate with exitCode 137 and reason OOMKilled": "containerd before 2.2 tells of the exit and of the OOM killer in any order (containerd#12260)",
}

const racyTries = 5

// specReport is what is read of the report that ginkgo writes.
type specReport struct {
	ContainerHierarchyTexts []string
	LeafNodeType            string
	LeafNodeText            string
	State                   string
	Failure                 struct{ Message string }
}

func (s *specReport) name() string {
	return strings.Join(append(s.ContainerHierarchyTexts, s.LeafNodeText), " ")
}

// critest runs those specs of the validation suite of the CRI that match focus, and returns what became of each that was run.
func critest(t *testing.T, runtime, focus string) (specs []specReport) {
	t.Helper()
	program, err := filepath.Abs("../../build/bin/critest")
	must(t, err)
	for _, needed := range []string{program, filepath.Join(filepath.Dir(program), "ginkgo")} {
		_, err := os.Stat(needed)
		skipUnless(t, err == nil, needed+" is missing; make build/bin/critest")
	}
	report := filepath.Join(workspace, "critest-"+runtime+".json")
	const socket = "unix:///run/containerd/containerd.sock"
	args := []string{
		"-runtime-endpoint=" + socket, "-image-endpoint=" + socket, "-runtime-handler=" + runtime,
		"-parallel=" + *critestNodes, "-ginkgo.json-report=" + report, "-ginkgo.no-color", "-ginkgo.timeout=20m", "-ginkgo.focus=" + focus,
	}
	for name := range notForRuntimes {
		args = append(args, "-ginkgo.skip="+name)
	}
	c := exec.Command(program, args...)
	c.Dir = workspace
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	output, runErr := c.CombinedOutput()
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("%v, %v\n%s", runErr, err, output)
	}
	var suites []struct{ SpecReports []specReport }
	must(t, json.Unmarshal(text, &suites))
	for _, s := range suites[0].SpecReports {
		if s.LeafNodeType == "It" && s.State != "skipped" {
			specs = append(specs, s)
		}
	}
	return specs
}

// repeat runs a spec again if it has failed and is a racy one.
func repeat(t *testing.T, runtime string, s specReport) specReport {
	t.Helper()
	for part, reason := range racy {
		if !strings.Contains(s.name(), part) {
			continue
		}
		for range racyTries - 1 {
			if s.State == "passed" {
				return s
			}
			t.Logf("%s: again, because %s: %s", runtime, reason, s.name())
			again := critest(t, runtime, regexp.QuoteMeta(part))
			if len(again) != 1 {
				t.Fatalf("%d specs match %q", len(again), part)
			}
			s = again[0]
		}
	}
	return s
}

// A1: the validation suite of the CRI, as far as it can be had without a network. What passes with runc has to pass with tare; -all
// has runc and crun go through it too.
func TestCritest(t *testing.T) {
	startCRI(t, startRegistry(t))
	runtimes := []string{"tare"}
	if *all {
		runtimes = append(runtimes, "runc", "crun")
	}
	for _, runtime := range runtimes {
		var passed, failed int
		for _, s := range critest(t, runtime, *critestFocus) {
			s = repeat(t, runtime, s)
			problem := ""
			if s.State == "passed" {
				passed++
			} else {
				failed++
				problem = s.State + ": " + s.Failure.Message
				t.Logf("%s: %s: %.400s", runtime, s.name(), problem)
			}
			note("critest: "+s.name(), runtime, problem)
		}
		t.Logf("%s: %d specs passed, %d failed", runtime, passed, failed)
		if runtime == "tare" && (passed < 40 && *critestFocus == conformanceSpecs || failed > 0) {
			t.Errorf("%d specs passed, %d failed", passed, failed)
		}
	}
}
