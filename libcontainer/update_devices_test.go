package libcontainer

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// JU8: a new rule drops those that can decide nothing any more, and no other: a rule that denies more than the new one allows stays.
func TestAppendRule(t *testing.T) {
	rule := func(allow bool, kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
		r := specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Access: access}
		if major >= 0 {
			r.Major = &major
		}
		if minor >= 0 {
			r.Minor = &minor
		}
		return r
	}
	old := rule(false, "c", 10, 229, "rw")
	for _, row := range []struct {
		name    string
		old, by specs.LinuxDeviceCgroup
		dropped bool
	}{
		{"the same", old, rule(true, "c", 10, 229, "rw"), true},
		{"more access", old, rule(true, "c", 10, 229, "rwm"), true},
		{"less access", old, rule(true, "c", 10, 229, "r"), false},
		{"any minor", old, rule(true, "c", 10, -1, "rwm"), true},
		{"any type", old, rule(true, "a", -1, -1, "rwm"), true},
		{"another type", old, rule(true, "b", 10, 229, "rwm"), false},
		{"another minor", old, rule(true, "c", 10, 230, "rwm"), false},
		{"one of all that is denied", rule(false, "c", -1, -1, "rw"), rule(true, "c", 10, 229, "rw"), false},
		{"one minor of all", rule(false, "c", 10, -1, "rw"), rule(true, "c", 10, 229, "rw"), false},
		{"one type of all", rule(false, "a", -1, -1, "rwm"), rule(true, "c", -1, -1, "rwm"), false},
	} {
		list := []specs.LinuxDeviceCgroup{row.old}
		got := appendRule(list, row.by)
		if dropped := len(got) == 1; dropped != row.dropped || got[len(got)-1].Allow != row.by.Allow {
			t.Errorf("%s: got %+v", row.name, got)
		}
		if list[0].Access != row.old.Access {
			t.Errorf("%s: the list before has changed", row.name)
		}
	}
}
