package engines

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
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

// critest runs the validation suite of the CRI with a runtime and returns what became of each spec that was run.
func critest(t *testing.T, runtime string) (specs []specReport) {
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
		"-parallel=" + *critestNodes, "-ginkgo.json-report=" + report, "-ginkgo.no-color", "-ginkgo.timeout=20m", "-ginkgo.focus=" + *critestFocus,
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
		for _, s := range critest(t, runtime) {
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
