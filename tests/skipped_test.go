package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The check that the matrix of environments ends with: it finds what ran nowhere, and only that.
func TestSkippedEverywhere(t *testing.T) {
	const ran = "=== RUN   TestA\n--- PASS: TestA (0.01s)\n"
	for _, test := range []struct {
		name string
		logs []string
		want string
	}{
		{name: "all ran", logs: []string{ran}},
		{name: "skipped in one, passed in the other", logs: []string{"--- SKIP: TestA (0.00s)\n", ran}},
		{name: "skipped in one, failed in the other", logs: []string{"--- SKIP: TestA (0.00s)\n", "--- FAIL: TestA (0.00s)\n"}},
		{name: "skipped in both", logs: []string{"--- SKIP: TestA (0.00s)\n", "--- SKIP: TestA (0.00s)\n"}, want: "TestA"},
		{name: "skipped where it was tried, unknown elsewhere", logs: []string{ran, "--- SKIP: TestB (0.00s)\n"}, want: "TestB"},
		{name: "a longer name does not count", logs: []string{"--- SKIP: TestA (0.00s)\n--- PASS: TestAll (0.00s)\n"}, want: "TestA"},
		{name: "a subtest", logs: []string{"--- PASS: TestA (0.00s)\n    --- SKIP: TestA/v1 (0.00s)\n", ran}, want: "TestA/v1"},
		{name: "a subtest that ran elsewhere", logs: []string{"    --- SKIP: TestA/v1 (0.00s)\n", "    --- PASS: TestA/v1 (0.00s)\n"}},
		{name: "after a line without an end", logs: []string{"--- SKIP: TestA (0.00s)\n", "output--- PASS: TestA (0.00s)\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := t.TempDir()
			var arguments []string
			for i, log := range test.logs {
				path := filepath.Join(directory, strconv.Itoa(i))
				if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
					t.Fatal(err)
				}
				arguments = append(arguments, path)
			}
			output, err := exec.Command(filepath.Join(root, "tests/skipped"), arguments...).Output()
			if got := strings.Join(strings.Fields(string(output)), " "); got != test.want || (err != nil) != (test.want != "") {
				t.Errorf("named %q with %v, want %q", got, err, test.want)
			}
		})
	}
}
