package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// I16: without a resctrl file system intelRdt is an error, whatever it asks for, and not asked for it is no matter. With
// one, on a processor that has resource groups, the container is in the group of its name, which goes with it.
func TestIntelRdt(t *testing.T) {
	rdt := withLinux(func(l *specs.Linux) { l.IntelRdt = &specs.LinuxIntelRdt{} })
	root := resctrlMount(t)
	if root == "" {
		b := newBundle(t, rdt)
		b.try("create").fails("/linux/intelRdt", "no resctrl file system is mounted")
		b.nothingLeft()
		return
	}
	b := newBundle(t, rdt).create().start()
	if tasks := strings.Fields(read(t, root+"/"+b.id+"/tasks")); len(tasks) == 0 || tasks[0] != itoa(b.pid) {
		t.Errorf("tasks %q", tasks)
	}
	b.stop()
	b.try("delete").succeeds()
	if exists(root + "/" + b.id) {
		t.Error("the group is left")
	}
}

// I17 I20: names and schemas that are none are refused before anything is looked for.
func TestIntelRdtRefused(t *testing.T) {
	for pointer, r := range map[string]specs.LinuxIntelRdt{
		"/linux/intelRdt/closID":        {ClosID: "../escape"},
		"/linux/intelRdt/memBwSchema":   {MemBwSchema: "0=20"},
		"/linux/intelRdt/l3CacheSchema": {L3CacheSchema: "L3:0=f\nMB:0=1"},
		"/linux/intelRdt/schemata/0":    {Schemata: []string{"nonsense"}},
	} {
		b := newBundle(t, withLinux(func(l *specs.Linux) { l.IntelRdt = &r }))
		b.try("create").fails(pointer)
		b.nothingLeft()
	}
}

func resctrlMount(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/self/mounts")) {
		if fields := strings.Fields(line); fields[2] == "resctrl" {
			return fields[1]
		}
	}
	return ""
}

// I17 I21 L1: what the record says of a container's groups is what events reads and delete removes. The groups are a
// directory that looks like some: no virtual machine has the hardware, and nothing else can be mounted under that name.
func TestIntelRdtOfRecord(t *testing.T) {
	b := newBundle(t).create().start()
	root := b.directory("resctrl")
	write := func(name, text string) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	write("schemata", "    MB:0=100\n    L3:0=7ff\n")
	write("info/L3/cbm_mask", "7ff\n")
	write("gold/schemata", "    MB:0=50\n    L3:0=00f\n")
	monitor := filepath.Join(root, "gold/mon_groups", b.id)
	must(t, os.MkdirAll(monitor, 0o755))

	recordResctrl(t, b, map[string]any{"root": root, "class": "gold", "owned": false, "monitor": b.id})
	var e struct {
		Data struct {
			RDT map[string]any `json:"intel_rdt"`
		}
	}
	b.try("events", "--stats").decode(&e)
	if rdt := e.Data.RDT; rdt["l3_cache_schema_root"] != "L3:0=7ff" || rdt["l3_cache_schema"] != "L3:0=00f" || rdt["mem_bw_schema"] != nil {
		t.Errorf("%v", rdt)
	}
	b.stop()
	b.try("delete").succeeds()
	if exists(monitor) || !exists(filepath.Join(root, "gold")) {
		t.Error("delete has not removed the monitoring group, or has removed a class that is not the container's")
	}
}

// JU7 JU9: update changes the schemas of a container that was created with a class of service, of no other, and puts them
// back with the rest.
func TestUpdateSchemas(t *testing.T) {
	b := newBundle(t).create().start()
	b.try("update", "--l3-cache-schema", "L3:0=f").fails("/linux/intelRdt: the container was created without", "; everything is as before")
	b.try("update", "--l3-cache-schema", "nonsense").fails("--l3-cache-schema: ")
	b.try("update", "--mem-bw-schema", "L3:0=f").fails("--mem-bw-schema: ")

	root := b.directory("resctrl")
	must(t, os.MkdirAll(filepath.Join(root, "gold"), 0o755))
	schemata := filepath.Join(root, "gold/schemata")
	must(t, os.WriteFile(schemata, []byte("    MB:0=50\n    L3:0=00f\n"), 0o644))
	recordResctrl(t, b, map[string]any{"root": root, "class": "gold", "owned": false})
	b.try("update", "--l3-cache-schema", "L3:0=3", "--mem-bw-schema=MB:0=20").succeeds()
	if text := read(t, schemata); !strings.HasPrefix(text, "L3:0=3\nMB:0=20\n") {
		t.Errorf("schemata %q", text)
	}
	must(t, os.WriteFile(schemata, []byte("L3:0=3\nMB:0=20\n"), 0o644))
	blocked := filepath.Join(stateRoot(), b.id, "resources.json.new")
	must(t, os.Mkdir(blocked, 0o700))
	b.try("update", "--mem-bw-schema=MB:0=99").fails("resources.json.new", "; everything is as before")
	must(t, os.Remove(blocked))
	if text := read(t, schemata); !strings.HasPrefix(text, "MB:0=20\n") {
		t.Errorf("schemata after a failure: %q", text)
	}
}

// recordResctrl makes a container one that was created with resource groups.
func recordResctrl(t *testing.T, b *bundle, groups map[string]any) {
	t.Helper()
	record := filepath.Join(stateRoot(), b.id, "state.json")
	var content map[string]any
	must(t, json.Unmarshal([]byte(read(t, record)), &content))
	content["resctrl"] = groups
	text, err := json.Marshal(content)
	must(t, err)
	must(t, os.WriteFile(record, text, 0o600))
}
