package userns

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tare-run/tare/internal/fault"
)

// G9: the order of the list is that of the lines, and what the kernel prints is read back.
func TestFormatAndParse(t *testing.T) {
	list := []Mapping{{5000, 7, 1}, {0, 100000, 65536}, {65536, 4294967294, 1}}
	if got := format(list); got != "5000 7 1\n0 100000 65536\n65536 4294967294 1\n" {
		t.Errorf("%q", got)
	}
	if got := parse("      5000          7          1\n         0     100000      65536\n     65536 4294967294          1\n"); !slices.Equal(got, list) {
		t.Errorf("%v", got)
	}
	if got := summary(nil); got != "none" {
		t.Errorf("%q", got)
	}
}

// R1: who maps one id, their own, needs nobody.
func TestIsOwn(t *testing.T) {
	for _, row := range []struct {
		list []Mapping
		want bool
	}{
		{[]Mapping{{0, 1000, 1}}, true}, {[]Mapping{{7, 1000, 1}}, true}, {[]Mapping{{0, 1001, 1}}, false},
		{[]Mapping{{0, 1000, 2}}, false}, {[]Mapping{{0, 1000, 1}, {1, 100000, 1}}, false}, {nil, false},
	} {
		if isOwn(row.list, 1000) != row.want {
			t.Errorf("%v: %v", row.list, !row.want)
		}
	}
}

// G10: the lines of subuid(5) that are for a user, by name and by number, and no others.
func TestLinesOf(t *testing.T) {
	const table = "alice:100000:65536\nbob:200000:65536\n1000:300000:10\n# alice:1:1\nalice\n alice:400000:1 \n"
	if got := linesOf(table, "alice", 1000); !slices.Equal(got, []string{"100000:65536", "300000:10", "400000:1"}) {
		t.Errorf("%q", got)
	}
	if got := linesOf(table, "ali", 100); got != nil {
		t.Errorf("%q", got)
	}
}

// G10: the error says which helper, and what is wrong with it; a helper without privileges is not the table's fault.
func TestRunHelper(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	h := helper{"tare-test-map", filepath.Join(dir, "table")}
	list := []Mapping{{0, 1000, 1}, {1, 100000, 65536}}
	if err := runHelper(h, 7, list, nil); err == nil || !strings.HasPrefix(err.Error(), "tare-test-map: is not installed; install it") {
		t.Errorf("missing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, h.name), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	var args []string
	run := func(path string, a []string) error { args = a; return nil }
	if err := runHelper(h, 7, list, run); err != nil || strings.Join(args, " ") != "tare-test-map 7 0 1000 1 1 100000 65536" {
		t.Errorf("%q, %v", args, err)
	}
	run = func(string, []string) error { return &fault.Error{Op: "hook", Err: errors.New("exit status 1")} }
	err := runHelper(h, 7, list, run)
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(err.Error(), "set-user-ID") || strings.Contains(err.Error(), "hook") {
		t.Errorf("not privileged: %v", err)
	}
}
