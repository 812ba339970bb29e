package spec

import (
	"slices"
	"strings"
	"testing"
)

// I17 I20 I22.
func TestIntelRdt(t *testing.T) {
	for _, row := range []struct{ name, rdt, want string }{
		{"nothing", `{}`, ""},
		{"default class", `{"closID":"/"}`, ""},
		{"all", `{"closID":"gold","l3CacheSchema":"L3:0=f","memBwSchema":"MB:0=20","schemata":["L2:0=f"],"enableMonitoring":true}`, ""},
		{"code and data", `{"l3CacheSchema":"L3CODE:0=f"}`, ""},
		{"I22 what 1.3 has removed", `{"enableCMT":true,"enableMBM":true}`, ""},

		{"inner slash", `{"closID":"a/b"}`, `/linux/intelRdt/closID: "a/b": is not the name`},
		{"absolute", `{"closID":"/a"}`, "/linux/intelRdt/closID"},
		{"dots", `{"closID":".."}`, "/linux/intelRdt/closID"},
		{"dot", `{"closID":"."}`, "/linux/intelRdt/closID"},
		{"newline in the class", `{"closID":"a\nb"}`, "/linux/intelRdt/closID"},
		{"bandwidth elsewhere", `{"l3CacheSchema":"MB:0=20"}`, "/linux/intelRdt/l3CacheSchema: \"MB:0=20\": is a schema of memory bandwidth"},
		{"cache elsewhere", `{"memBwSchema":"L3:0=f"}`, `/linux/intelRdt/memBwSchema: "L3:0=f": does not begin with "MB:"`},
		{"newline in bandwidth", `{"memBwSchema":"MB:0=20\nL3:0=1"}`, "/linux/intelRdt/memBwSchema"},
		{"newline in the cache", `{"l3CacheSchema":"L3:0=f\nMB:0=1"}`, "contains a newline"},
		{"newline in schemata", `{"schemata":["L2:0=f","L3:0=f\n"]}`, "/linux/intelRdt/schemata/1"},
		{"no schema", `{"schemata":["f"]}`, "is not a schema"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := Load([]byte(`{"linux":{"intelRdt":` + row.rdt + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(lines(Validate(s)), func(line string) bool { return !strings.Contains(line, "/linux/intelRdt") })
			if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
