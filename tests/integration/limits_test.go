package integration

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// E14: a limit that leaves no room for init's own descriptors is the program's, not init's.
func TestFewOpenFiles(t *testing.T) {
	for _, limit := range []uint64{0, 3} {
		b := newBundle(t, withArgs("sh", "-c", "ulimit -n"))
		b.spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: limit, Hard: limit}}
		if got, want := b.output(), []string{"0", "3"}[limit/3]; got != want {
			t.Errorf("limit %d: the program has %q", limit, got)
		}
	}
}

// E9, E8: five megabytes of arguments are too many for the kernel, and no trouble for init.
func TestTooManyArguments(t *testing.T) {
	args := []string{"true"}
	for range 50_000 {
		args = append(args, strings.Repeat("y", 100))
	}
	newBundle(t, withArgs(args...)).try("run").fails("argument list too long")
}
