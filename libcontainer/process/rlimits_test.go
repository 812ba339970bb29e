package process

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// E14: the sixteen names and nothing else.
func TestRlimitByName(t *testing.T) {
	for _, tc := range []struct {
		name     string
		resource int
		ok       bool
	}{
		{"RLIMIT_CPU", 0, true},
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, true},
		{"RLIMIT_RTTIME", 15, true},
		{"NOFILE", 0, false},
		{"rlimit_nofile", 0, false},
		{"RLIMIT_", 0, false},
		{"", 0, false},
	} {
		resource, ok := RlimitByName(tc.name)
		if resource != tc.resource || ok != tc.ok {
			t.Errorf("RlimitByName(%q) = %d, %v; want %d, %v", tc.name, resource, ok, tc.resource, tc.ok)
		}
	}
	seen := map[int]bool{}
	for _, r := range rlimits {
		seen[r.resource] = true
	}
	if len(seen) != 16 { // RLIM_NLIMITS
		t.Errorf("the table has %d resources, the kernel 16", len(seen))
	}
}

func TestRlimits(t *testing.T) {
	var old, now unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_SIGPENDING, nil, &old); err != nil || old.Max < 2 {
		t.Skipf("RLIMIT_SIGPENDING is %+v, %v", old, err)
	}
	defer unix.Prlimit(0, unix.RLIMIT_SIGPENDING, &old, nil)
	if err := Rlimits(&step.Rlimits{Limits: []step.Rlimit{{Resource: unix.RLIMIT_SIGPENDING, Soft: old.Max - 1, Hard: old.Max}}}); err != nil {
		t.Error(err)
	}
	if err := unix.Prlimit(0, unix.RLIMIT_SIGPENDING, nil, &now); err != nil || now.Cur != old.Max-1 || now.Max != old.Max {
		t.Errorf("now %+v, %v", now, err)
	}
	err := Rlimits(&step.Rlimits{Limits: []step.Rlimit{{Resource: unix.RLIMIT_SIGPENDING, Soft: 2, Hard: 1}}})
	if err == nil || err.Error() != `prlimit "RLIMIT_SIGPENDING": invalid argument; soft may not be above hard` {
		t.Errorf("soft above hard: %v", err)
	}
}

// E14: raising a hard limit without CAP_SYS_RESOURCE is an error that names the limit and the reason.
func TestRlimitsRaise(t *testing.T) {
	onThread(t, func() {
		id := step.Identity{UID: 1000, GID: 1000}
		if _, err := Identity(&id); err != nil { // this empties the effective set
			t.Error(err)
		}
		var now unix.Rlimit
		if err := unix.Prlimit(0, unix.RLIMIT_SIGPENDING, nil, &now); err != nil || now.Max == ^uint64(0) {
			return // nothing is above unlimited
		}
		err := Rlimits(&step.Rlimits{Limits: []step.Rlimit{{Resource: unix.RLIMIT_SIGPENDING, Soft: 1, Hard: now.Max + 1}}})
		if err == nil || !strings.Contains(err.Error(), `"RLIMIT_SIGPENDING": operation not permitted; raising the hard limit above the runtime's own, `+limitText(now.Max)+", needs CAP_SYS_RESOURCE") {
			t.Errorf("got %v", err)
		}
	})
	unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

// E22.
func TestOOMScoreAdjText(t *testing.T) {
	for adj, want := range map[int]string{-1000: "-1000", 0: "0", 1000: "1000", 1001: "", -1001: ""} {
		got, err := OOMScoreAdjText(adj)
		if string(got) != want || (err != nil) != (want == "") {
			t.Errorf("OOMScoreAdjText(%d) = %q, %v", adj, got, err)
		}
	}
}
