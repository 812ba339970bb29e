package tests

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Every advisory of docs/security.md has tests, which exist and name it; and every advisory that a test names is there.
func TestAdvisoriesHaveTests(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	advisory := regexp.MustCompile(`CVE-\d{4}-\d+|GHSA(-[0-9a-z]{4}){3}`)
	named := testsByAdvisory(t, advisory)
	listed := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !advisory.MatchString(cells[1]) {
			continue
		}
		for _, id := range advisory.FindAllString(cells[1], -1) {
			listed[id] = true
			if len(named[id]) == 0 {
				t.Errorf("%s: no test names it", id)
			}
		}
		for name := range strings.SplitSeq(cells[4], ",") {
			if name = strings.TrimSpace(name); !named[""][name] {
				t.Errorf("there is no test %q", name)
			}
		}
	}
	for id := range named {
		if id != "" && !listed[id] {
			t.Errorf("docs/security.md lacks %s", id)
		}
	}
}

// testsByAdvisory are the names of all tests, and under "" all of them: an advisory belongs to the function behind the
// comment that names it, or in which it stands.
func testsByAdvisory(t *testing.T, advisory *regexp.Regexp) map[string]map[string]bool {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files", "*_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)((?:^//.*\n)*)^func ((?:Test|Fuzz)\w+)\((?:.*\n)*?^}`)
	named := map[string]map[string]bool{"": {}}
	for file := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(root + "/" + file)
		if err != nil {
			continue // deleted, not committed yet
		}
		for _, match := range function.FindAllStringSubmatch(string(text), -1) {
			named[""][match[2]] = true
			for _, id := range advisory.FindAllString(match[0]+" "+strings.ReplaceAll(match[2], "_", "-"), -1) {
				if named[id] == nil {
					named[id] = map[string]bool{}
				}
				named[id][match[2]] = true
			}
		}
	}
	return named
}
