package resctrl

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The hardware is rare, so the tests run on a directory that looks like the file system: the kernel fills a new group with
// files, and removes them with it.

const initialSchemata = "    L3:0=07ff;1=7ff\n    MB:0=100;1=100\n"

// tree makes the root of one.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	fill(t, root, true)
	put(t, root, "info/last_cmd_status", "ok\n")
	put(t, root, "info/L3/cbm_mask", "7ff\n")
	put(t, root, "info/L3/min_cbm_bits", "1\n")
	put(t, root, "info/L3/num_closids", "16\n")
	put(t, root, "info/MB/bandwidth_gran", "10\n")
	put(t, root, "info/MB/delay_linear", "1\n")
	put(t, root, "info/MB/min_bandwidth", "10\n")
	put(t, root, "info/MB/num_closids", "8\n")
	put(t, root, "info/L3_MON/mon_features", "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n")
	oldMkdir, oldRmdir := mkdir, rmdir
	t.Cleanup(func() { mkdir, rmdir = oldMkdir, oldRmdir })
	mkdir = func(path string) error {
		if err := oldMkdir(path); err != nil {
			return err
		}
		fill(t, path, filepath.Base(filepath.Dir(path)) != "mon_groups")
		return nil
	}
	rmdir = func(path string) error {
		if _, err := os.Stat(path); err != nil {
			return unix.ENOENT
		}
		return os.RemoveAll(path)
	}
	return root
}

func fill(t *testing.T, dir string, isClass bool) {
	put(t, dir, "tasks", "")
	put(t, dir, "mon_data/mon_L3_00/llc_occupancy", "4096\n")
	put(t, dir, "mon_data/mon_L3_00/mbm_total_bytes", "1000\n")
	put(t, dir, "mon_data/mon_L3_00/mbm_local_bytes", "Unavailable\n")
	if isClass {
		put(t, dir, "schemata", initialSchemata)
		if err := os.MkdirAll(filepath.Join(dir, "mon_groups"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func exists(parts ...string) bool {
	_, err := os.Stat(filepath.Join(parts...))
	return err == nil
}

// I17 I18 I19 I20 I21: where a container goes, what is written, and what is left when it is gone.
func TestLifecycle(t *testing.T) {
	for _, row := range []struct {
		name     string
		existing string // a class that is there before
		config   specs.LinuxIntelRdt
		class    string // where the process is then
		schemata string // of that class; "" for what the kernel has put there
		remains  bool   // after delete
	}{
		{name: "I17 no closID", class: "c1"},
		{name: "I17 the default class", config: specs.LinuxIntelRdt{ClosID: "/"}, class: ".", remains: true},
		{name: "I18 a class that exists", existing: "gold", config: specs.LinuxIntelRdt{ClosID: "gold"}, class: "gold", remains: true},
		{name: "I19 one that is made", config: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=f"}, class: "gold", schemata: "L3:0=f\n", remains: true},
		{name: "I19 one that is equal", existing: "gold", config: specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7FF", MemBwSchema: "MB:1=100"}, class: "gold",
			schemata: "L3:0=7FF\nMB:1=100\n", remains: true},
		{name: "I20 the cache first", config: specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f;1=f0", MemBwSchema: "MB:0=20"}, class: "c1", schemata: "L3:0=f;1=f0\nMB:0=20\n"},
		{name: "I20 schemata last", config: specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=20", Schemata: []string{"L3:0=7f0;1=1f", "L2:0=f;1=f", "MB:0=20;1=70"}},
			class: "c1", schemata: "L3:0=7f0;1=1f\nL2:0=f;1=f\nMB:0=20;1=70\n"},
	} {
		for _, monitored := range []bool{false, true} {
			name := row.name
			if monitored {
				name += " I21 monitored"
			}
			t.Run(name, func(t *testing.T) {
				root := tree(t)
				if row.existing != "" {
					if err := mkdir(filepath.Join(root, row.existing)); err != nil {
						t.Fatal(err)
					}
				}
				c := row.config
				c.EnableMonitoring = monitored
				g, err := Plan(root, "c1", &c)
				if err != nil {
					t.Fatal(err)
				}
				made, err := g.Apply(&c, 4242)
				if err != nil {
					t.Fatal(err)
				}
				if got := get(t, root, row.class, "tasks"); got != "4242" {
					t.Errorf("tasks: %q", got)
				}
				want := row.schemata
				if want == "" {
					want = initialSchemata
				}
				if got := get(t, root, row.class, "schemata"); !strings.HasPrefix(got, want) {
					t.Errorf("schemata: %q, want %q", got, want)
				}
				group := filepath.Join(root, row.class, "mon_groups", "c1")
				if monitored && get(t, group, "tasks") != "4242" {
					t.Error("not in the monitoring group")
				}
				if made.class != (row.existing == "" && row.class != ".") || made.monitor != monitored {
					t.Errorf("made %+v", made)
				}

				again := *g // as it is recorded
				for range 2 {
					if err := again.Remove(); err != nil {
						t.Fatal(err)
					}
				}
				if exists(group) {
					t.Error("the monitoring group remains")
				}
				if exists(root, row.class) != row.remains {
					t.Errorf("the class remains: %v, want %v", !row.remains, row.remains)
				}
			})
		}
	}
}

// I17 I18 I19: what must be an error, and has changed nothing then.
func TestPlanRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		id     string
		config specs.LinuxIntelRdt
		want   string
	}{
		{"no such class", "c1", specs.LinuxIntelRdt{ClosID: "nosuch"}, "config.json /linux/intelRdt/closID: class of service"},
		{"a different cache", "c1", specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7ff;1=1"}, "/linux/intelRdt/l3CacheSchema: class of service"},
		{"what is different", "c1", specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=7ff;1=1"}, "its L3:1 is 7ff, not 1"},
		{"a different bandwidth", "c1", specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=10"}, "/linux/intelRdt/memBwSchema"},
		{"a resource it has not", "c1", specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3CODE:0=1"}, "it has no resource L3CODE"},
		{"the default class too", "c1", specs.LinuxIntelRdt{ClosID: "/", MemBwSchema: "MB:0=10"}, "its MB:0 is 100"},
		{"the ID is taken", "gold", specs.LinuxIntelRdt{}, "not this container's to remove"},
		{"the ID is the kernel's", "info", specs.LinuxIntelRdt{}, "for itself"},
		{"the class is the kernel's", "c1", specs.LinuxIntelRdt{ClosID: "mon_groups"}, "for itself"},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := tree(t)
			if err := mkdir(filepath.Join(root, "gold")); err != nil {
				t.Fatal(err)
			}
			_, err := Plan(root, row.id, &row.config)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v", err)
			}
			if exists(root, "c1") || get(t, root, "gold/schemata") != initialSchemata {
				t.Error("something has changed")
			}
		})
	}
}

// I21: a group that cannot be made is an error with the kernel's words, and what was made before it is undone.
func TestApplyFails(t *testing.T) {
	root := tree(t)
	inner := mkdir
	mkdir = func(path string) error {
		if strings.Contains(path, "/mon_groups/") {
			put(t, root, "info/last_cmd_status", "Out of RMIDs\n")
			return unix.ENOSPC
		}
		return inner(path)
	}
	c := specs.LinuxIntelRdt{EnableMonitoring: true}
	g, err := Plan(root, "c1", &c)
	if err != nil {
		t.Fatal(err)
	}
	made, err := g.Apply(&c, 1)
	if err == nil || !strings.Contains(err.Error(), "no space left on device; the kernel says: Out of RMIDs") {
		t.Errorf("got %v", err)
	}
	if err := made.Undo(); err != nil || exists(root, "c1") {
		t.Errorf("c1 is left: %v", err)
	}
}

// A class that was made for a create that failed stays if somebody has joined it.
func TestUndoLeavesOthers(t *testing.T) {
	root := tree(t)
	c := specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=50"}
	g, err := Plan(root, "c1", &c)
	if err != nil {
		t.Fatal(err)
	}
	made, err := g.Apply(&c, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Undo(); err != nil || !exists(root, "gold") {
		t.Errorf("removed with a process in it: %v", err)
	}
	put(t, root, "gold/tasks", "")
	if err := made.Undo(); err != nil || exists(root, "gold") {
		t.Errorf("left: %v", err)
	}
}

// L1: the shape is runc's.
func TestStats(t *testing.T) {
	root := tree(t)
	c := specs.LinuxIntelRdt{EnableMonitoring: true}
	g, err := Plan(root, "c1", &c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Apply(&c, 1); err != nil {
		t.Fatal(err)
	}
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":1,"num_closids":16},"l3_cache_schema_root":"L3:0=07ff;1=7ff","l3_cache_schema":"L3:0=07ff;1=7ff",` +
		`"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":8},"mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0=100;1=100",` +
		`"mbm_stats":[{"mbm_total_bytes":1000,"mbm_local_bytes":0}],"cmt_stats":[{"llc_occupancy":4096}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// I16.
func TestFind(t *testing.T) {
	const proc = "22 27 0:21 / /proc rw - proc proc rw\n"
	got, err := find(strings.NewReader(proc + "50 27 0:40 /gold /mnt rw - resctrl resctrl rw\n51 27 0:40 / /sys/fs/re\\040sctrl rw,nosuid shared:9 - resctrl resctrl rw\n"))
	if err != nil || got != "/sys/fs/re sctrl" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := find(strings.NewReader(proc)); err == nil || !strings.Contains(err.Error(), "no resctrl file system is mounted") {
		t.Errorf("without one: %v", err)
	}
}

func FuzzCompareSchema(f *testing.F) {
	f.Add(initialSchemata, "L3:0=7ff")
	f.Fuzz(func(t *testing.T, current, wanted string) {
		compareSchema(current, wanted)
		if s, ok := parseSchema(strings.TrimSpace(current)); ok {
			if difference := compareSchema(current, current); difference != "" && !strings.Contains(current, "\n") && unique(s) {
				t.Errorf("%q differs from itself: %s", current, difference)
			}
		}
	})
}

// unique says whether no domain is named twice.
func unique(s schema) bool {
	seen := map[string]bool{}
	for _, d := range s.domains {
		if seen[d.id] {
			return false
		}
		seen[d.id] = true
	}
	return true
}
