package resources

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// parse reads resources, and what is null in them, the way package spec does.
func parse(t *testing.T, text string) (r *specs.LinuxResources, removed []string) {
	t.Helper()
	r = new(specs.LinuxResources)
	var tree map[string]any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	removed = nulls("", tree)
	dropNulls(tree)
	clean, err := json.Marshal(tree)
	if err == nil {
		err = json.Unmarshal(clean, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, removed
}

func nulls(at string, tree map[string]any) (pointers []string) {
	for name, v := range tree {
		switch v := v.(type) {
		case nil:
			pointers = append(pointers, at+"/"+name)
		case map[string]any:
			pointers = append(pointers, nulls(at+"/"+name, v)...)
		}
	}
	slices.Sort(pointers)
	return pointers
}

func dropNulls(tree map[string]any) {
	for name, v := range tree {
		if v == nil {
			delete(tree, name)
		} else if sub, ok := v.(map[string]any); ok {
			dropNulls(sub)
		}
	}
}

// text writes resources without their empty sections.
func text(t *testing.T, r *specs.LinuxResources) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for _, section := range []string{"memory", "cpu", "pids", "blockIO", "network", "unified", "rdma"} {
		s = strings.ReplaceAll(s, `"`+section+`":{},`, "")
		s = strings.ReplaceAll(s, `,"`+section+`":{}`, "")
		s = strings.ReplaceAll(s, `"`+section+`":{}`, "")
	}
	return s
}

// JU1 JU2 JU12: what a patch makes of the limits that there were, what is set, and what is reset.
func TestPatch(t *testing.T) {
	for _, test := range []struct{ name, base, patch, after, set, reset string }{
		{"JU1 what is absent stays", `{"memory":{"limit":5},"cpu":{"cpus":"0"}}`, `{"pids":{"limit":7}}`,
			`{"memory":{"limit":5},"cpu":{"cpus":"0"},"pids":{"limit":7}}`, `{"pids":{"limit":7}}`, ""},
		{"zero changes nothing", `{"memory":{"limit":5},"cpu":{"shares":3}}`, `{"memory":{"limit":0},"cpu":{"shares":0,"cpus":""}}`,
			`{"memory":{"limit":5},"cpu":{"shares":3}}`, `{}`, ""},
		{"zero is a value", `{"pids":{"limit":5},"cpu":{"burst":3,"idle":1}}`, `{"pids":{"limit":0},"cpu":{"burst":0,"idle":0}}`,
			`{"cpu":{"burst":0,"idle":0},"pids":{"limit":0}}`, `{"cpu":{"burst":0,"idle":0},"pids":{"limit":0}}`, ""},
		{"JU2 -1 alone drops the swap limit", `{"memory":{"limit":5,"swap":9}}`, `{"memory":{"limit":-1}}`,
			`{"memory":{"limit":-1}}`, `{"memory":{"limit":-1}}`, ""},
		{"JU2 a limit takes the old swap along", `{"memory":{"limit":5,"swap":9,"checkBeforeUpdate":true}}`, `{"memory":{"limit":6}}`,
			`{"memory":{"limit":6,"swap":9,"checkBeforeUpdate":true}}`, `{"memory":{"limit":6,"swap":9,"checkBeforeUpdate":true}}`, ""},
		{"JU2 swap takes the old limit along", `{"memory":{"limit":5}}`, `{"memory":{"swap":9}}`,
			`{"memory":{"limit":5,"swap":9}}`, `{"memory":{"limit":5,"swap":9}}`, ""},
		{"JU2 unlimited swap needs nothing", `{"memory":{"limit":5}}`, `{"memory":{"swap":-1}}`,
			`{"memory":{"limit":5,"swap":-1}}`, `{"memory":{"swap":-1}}`, ""},
		{"JU2 a reservation needs nothing", `{"memory":{"limit":5,"swap":9}}`, `{"memory":{"reservation":2}}`,
			`{"memory":{"limit":5,"reservation":2,"swap":9}}`, `{"memory":{"reservation":2}}`, ""},
		{"JU12 null removes", `{"memory":{"limit":5,"swap":9,"reservation":1},"cpu":{"quota":8,"cpus":"1"}}`,
			`{"memory":{"limit":null,"reservation":null},"cpu":{"quota":null,"cpus":null}}`,
			`{}`, `{"memory":{"limit":-1},"cpu":{"quota":-1}}`, "/cpu/cpus /memory/reservation"},
		{"JU12 null of what was never set", `{}`, `{"cpu":{"shares":null,"mems":null}}`, `{}`, `{"cpu":{"shares":1024}}`, "/cpu/mems"},
		{"JU12 a section removes what there was", `{"cpu":{"shares":5,"mems":"0"},"memory":{"limit":3}}`, `{"cpu":null}`,
			`{"memory":{"limit":3}}`, `{"cpu":{"shares":1024}}`, "/cpu/mems"},
		{"JU12 one removed, its neighbour set", `{"memory":{"limit":5,"swap":9}}`, `{"memory":{"limit":7,"swap":null}}`,
			`{"memory":{"limit":7}}`, `{"memory":{"limit":7,"swap":-1}}`, ""},
		{"lists go by key", `{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":2}]}`,
			`{"hugepageLimits":[{"pageSize":"1GB","limit":3},{"pageSize":"64KB","limit":4}]}`,
			`{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":3},{"pageSize":"64KB","limit":4}]}`,
			`{"hugepageLimits":[{"pageSize":"1GB","limit":3},{"pageSize":"64KB","limit":4}]}`, ""},
		{"JU12 a list removed", `{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":5}],"weightDevice":[{"major":8,"minor":1,"weight":9}]}}`,
			`{"blockIO":{"throttleReadBpsDevice":null,"weightDevice":null}}`,
			`{}`, `{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}`, "/blockIO/weightDevice/8:1"},
		{"JU12 names in tables", `{"unified":{"memory.high":"5","a/b":"1","pids.max":"7"},"rdma":{"m":{"hcaHandles":1}}}`,
			`{"unified":{"memory.high":null,"a/b":null,"cpu.max":"9"},"rdma":{"m":null}}`,
			`{"unified":{"cpu.max":"9","pids.max":"7"}}`,
			`{"rdma":{"m":{"hcaHandles":2147483647,"hcaObjects":2147483647}},"unified":{"cpu.max":"9"}}`, "/unified/a~1b /unified/memory.high"},
		{"JU12 a table removed", `{"unified":{"x.y":"1","a.b":"2"}}`, `{"unified":null}`, `{}`, `{}`, "/unified/a.b /unified/x.y"},
		{"the OOM killer comes back", `{"memory":{"disableOOMKiller":true}}`, `{"memory":{"disableOOMKiller":false}}`,
			`{"memory":{"disableOOMKiller":false}}`, `{"memory":{"disableOOMKiller":false}}`, "/memory/disableOOMKiller"},
		{"JU8 device rules are not limits", `{"devices":[{"allow":true,"access":"r"}]}`, `{"devices":[{"allow":false,"access":"w"}]}`,
			`{"devices":[{"allow":true,"access":"r"}]}`, `{}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			base, _ := parse(t, test.base)
			untouched := text(t, base)
			var p Patch
			p.Set, p.Removed = parse(t, strings.ReplaceAll(test.patch, "a/b", "a~1b"))
			if _, ok := p.Set.Unified["a~1b"]; ok {
				t.Fatal("the test's own parser")
			}
			if base.Unified["a/b"] != "" && !slices.Contains(p.Removed, "/unified/a~1b") {
				t.Fatalf("removed %q", p.Removed)
			}
			after := p.Apply(base)
			if b, _ := json.Marshal(after); strings.Contains(string(b), ":{}") {
				t.Errorf("empty sections: %s", b)
			}
			set, reset := p.Changes(base, after)
			slices.Sort(reset)
			for _, got := range []struct{ what, got, want string }{
				{"after", text(t, after), test.after}, {"set", text(t, set), test.set}, {"reset", strings.Join(reset, " "), test.reset},
				{"base", text(t, base), untouched},
			} {
				if got.got != got.want {
					t.Errorf("%s: got  %s\nwant %s", got.what, got.got, got.want)
				}
			}
		})
	}
}

// Flags come on top of a file: a later value wins over an earlier null, and the other way round.
func TestAdd(t *testing.T) {
	base, _ := parse(t, `{"memory":{"limit":5,"swap":9},"cpu":{"cpus":"0"}}`)
	var p Patch
	p.Set, p.Removed = parse(t, `{"memory":{"limit":null},"cpu":{"cpus":"1","shares":7}}`)
	later := Patch{}
	later.Set, later.Removed = parse(t, `{"memory":{"limit":6},"cpu":{"cpus":null}}`)
	p.Add(later)
	after := p.Apply(base)
	if got, want := text(t, after), `{"memory":{"limit":6,"swap":9},"cpu":{"shares":7}}`; got != want {
		t.Errorf("after: got %s want %s", got, want)
	}
	set, reset := p.Changes(base, after)
	if set.CPU.Cpus != "" || !reflect.DeepEqual(reset, []string{"/cpu/cpus"}) || *set.Memory.Limit != 6 {
		t.Errorf("set %s, reset %q", text(t, set), reset)
	}
}

// Every member of the specification's structs is in the table, so that none can be forgotten.
func TestMembersAreComplete(t *testing.T) {
	known := map[string]bool{"/devices": true}
	for _, m := range members() {
		known[m.pointer] = true
	}
	var walk func(at string, typ reflect.Type)
	walk = func(at string, typ reflect.Type) {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			pointer, field := at+"/"+name, typ.Field(i).Type
			if field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.Struct {
				walk(pointer, field.Elem())
			} else if !known[pointer] {
				t.Errorf("%s is missing", pointer)
			}
		}
	}
	walk("", reflect.TypeFor[specs.LinuxResources]())
}
