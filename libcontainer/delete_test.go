package libcontainer

import (
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/state"
)

// C22 C26: whose processes a delete kills. Those of a cgroup that was there before, or that nobody knows to be ours, are left alone.
func TestKillsCgroup(t *testing.T) {
	manager := func(made int, unit string) *cgroups.Manager {
		saved := cgroups.Saved{Path: "/c1", Hierarchies: []cgroups.SavedHierarchy{{Mount: "/mnt", Made: made}}}
		if unit != "" {
			saved.Unit = &cgroups.SavedUnit{Name: unit}
		}
		m, err := cgroups.Load(saved)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	own, foreign, unit := manager(1, ""), manager(0, ""), manager(0, "tare-c1.scope")
	for _, row := range []struct {
		name                    string
		m                       *cgroups.Manager
		shared, creating, force bool
		want                    bool
	}{
		{name: "without a cgroup", shared: true, force: true},
		{name: "init has killed all", m: own},
		{name: "what others put there", m: own, force: true, want: true},
		{name: "a cgroup that was there before", m: foreign, force: true},
		{name: "shared pid namespace", m: own, shared: true, want: true},
		{name: "shared pid namespace in a cgroup that was there before", m: foreign, shared: true, want: true},
		{name: "half a create", m: own, creating: true, want: true},
		{name: "half a create in a cgroup that was there before", m: foreign, creating: true, force: true},
		{name: "half a create, shared, in a cgroup that was there before", m: foreign, shared: true, creating: true, force: true},
		{name: "unit", m: unit},
		{name: "unit, by force", m: unit, force: true, want: true},
		{name: "half a create, unit", m: unit, shared: true, creating: true, force: true},
	} {
		record := &state.Record{SharedPid: row.shared, Creating: row.creating}
		if got := killsCgroup(record, row.m, row.force); got != row.want {
			t.Errorf("%s: got %v", row.name, got)
		}
	}
}
