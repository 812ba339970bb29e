package integration

import (
	"regexp"
	"strings"
	"testing"
)

// What the engines do with the words of an error. The words and the effects are theirs; an order of conditions that looks odd is
// theirs too.

// dockerStatus is the exit status that Docker gives a container whose start failed. Its command line has a part of the same
// conditions.
func dockerStatus(message string) int {
	status, message := 125, strings.ToLower(message)
	for _, c := range []struct {
		words  string
		status int
	}{
		{"executable file not found", 127}, {"no such file or directory", 127}, {"system cannot find the file specified", 127},
		{"failed to run runc create/exec call", 127}, {"permission denied", 126}, {"is a directory", 126}, {"not a directory", 127},
	} {
		if strings.Contains(message, c.words) {
			status = c.status
		}
	}
	return status
}

var (
	podmanDenied   = regexp.MustCompile(`(?i)permission denied|operation not permitted`)
	podmanNotFound = regexp.MustCompile(`(?i)executable file not found in|no such file or directory|open executable`)
)

// podmanStatus is the exit status of podman run.
func podmanStatus(message string) int {
	switch {
	case podmanDenied.MatchString(message):
		return 126
	case podmanNotFound.MatchString(message):
		return 127
	}
	return 125
}

// goneForContainerd says whether the shim takes an error of kill for "the process has gone".
func goneForContainerd(message string) bool {
	for _, words := range []string{"os: process already finished", "container not running", "no such process", "does not exist"} {
		if strings.Contains(strings.ToLower(message), words) {
			return true
		}
	}
	return false
}

// goneForCRIO says whether CRI-O takes an error of any command for "the container has stopped".
func goneForCRIO(message string) bool {
	return regexp.MustCompile(`no such process|container not running|invalid process`).MatchString(message)
}

// reading is what the engines make of an error: the status of docker run and podman run, and whether a container is gone.
type reading struct {
	docker, podman   int
	containerd, crio bool
}

var (
	notFound   = reading{127, 127, false, false}
	denied     = reading{126, 126, false, false}
	notRunning = reading{125, 125, true, true}
	noSuchID   = reading{125, 125, true, false}
	nothing    = reading{125, 125, false, false}
)

// readings has every message of testdata/phrases.txt.
var readings = map[string]reading{
	"program not on PATH":                notFound,
	"program missing":                    notFound,
	"program not executable":             denied,
	"program a directory":                {126, 125, false, false},
	"program not executable by the user": denied,
	"program through a file":             {127, 125, false, false},
	"working directory a file":           {127, 125, false, false},
	"script without its interpreter":     notFound,
	"script with CR LF":                  notFound,
	"program in no known format":         nothing,
	"mount source missing":               notFound, // as with every runtime
	"mount of a directory onto a file":   {127, 125, false, false},
	"bundle missing":                     notFound,
	"id in use":                          nothing,
	"start of nothing":                   noSuchID,
	"state of nothing":                   noSuchID,
	"kill of nothing":                    noSuchID,
	"kill by number of nothing":          noSuchID,
	"delete of nothing":                  noSuchID,
	"delete twice":                       noSuchID,
	"pause of nothing":                   noSuchID,
	"resume of nothing":                  noSuchID,
	"ps of nothing":                      noSuchID,
	"events of nothing":                  noSuchID,
	"update of nothing":                  noSuchID,
	"exec in nothing":                    noSuchID,
	"start twice":                        nothing,
	"kill of a stopped container":        notRunning,
	"pause of a stopped container":       notRunning,
	"update of a stopped container":      notRunning,
	"start of a stopped container":       nothing,
	"delete of a running container":      nothing,
	"delete of a paused container":       nothing,
	"start of a paused container":        nothing,
	"resume of a running container":      nothing,
	"pause twice":                        nothing,
	"exec of a program not on PATH":      notFound,
	"exec of a missing program":          notFound,
	"exec of a program not executable":   denied,
	"exec of a directory":                {126, 125, false, false},
	"exec in a missing directory":        notFound,
	"exec in a stopped container":        nothing,
	"exec in a paused container":         nothing,
	"terminal that nobody takes":         nothing,
}

// A3 A9: what each engine makes of each message that TestPhrases has recorded, with the hint that comes with it: a hint with a
// word too many would make a wrong exit status, or a container that runs on for one that is gone.
func TestEnginesReadErrors(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(read(t, phrasesFile)), "\n")
	for _, line := range lines {
		name, message, _ := strings.Cut(line, ": ")
		want, ok := readings[name]
		if !ok {
			t.Errorf("%s: nothing is said about what engines make of it", name)
			continue
		}
		got := reading{dockerStatus(message), podmanStatus(message), goneForContainerd(message), goneForCRIO(message)}
		if got != want {
			t.Errorf("%s: %q is read as %+v, want %+v", name, message, got, want)
		}
	}
	if len(lines) != len(readings) || len(lines) != len(phrases) {
		t.Errorf("%d messages, %d phrases, %d readings", len(lines), len(phrases), len(readings))
	}
}

// C19 C24 C25 C32: the exit statuses that engines go by where there is nothing left to do.
func TestStatusOfNothingToDo(t *testing.T) {
	b := newBundle(t, withArgs("true")).create().start()
	b.wait()
	for _, test := range []struct {
		args   []string
		status int
	}{
		{[]string{"kill", b.id, "9"}, 1},
		{[]string{"kill", "--all", b.id, "9"}, 0},
		{[]string{"kill", "-a", b.id, "KILL"}, 0},
		{[]string{"kill", "--all", "tare-it-none", "9"}, 1},
		{[]string{"state", b.id}, 0},
		{[]string{"ps", "--format", "json", b.id}, 0},
		{[]string{"pause", b.id}, 1},
		{[]string{"resume", b.id}, 1},
		{[]string{"exec", b.id, "true"}, 255},
		{[]string{"delete", b.id}, 0},
		{[]string{"delete", b.id}, 1},
		{[]string{"delete", "--force", b.id}, 0},
		{[]string{"delete", "-f", "tare-it-none"}, 0},
		{[]string{"state", b.id}, 1},
		{[]string{"exec", b.id, "true"}, 255},
	} {
		r := run(t, test.args...)
		if r.status != test.status || (r.status == 0) != (r.stderr == "") {
			t.Errorf("%v, want status %d", r, test.status)
		}
	}
}

// E1 (section 5 of the contract): the versions of the specification that engines write are taken, of 1.x whatever there is.
func TestVersionsOfEngines(t *testing.T) {
	for _, version := range []string{"1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.99.0"} {
		b := newBundle(t, withArgs("true"))
		b.spec.Version = version
		b.output()
	}
	for _, version := range []string{"2.0.0", "0.9.0", "", "one"} {
		b := newBundle(t, withArgs("true"))
		b.spec.Version = version
		b.try("create").fails("/ociVersion")
	}
}
