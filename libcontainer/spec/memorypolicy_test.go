package spec

import (
	"slices"
	"strings"
	"testing"
)

// I14 I15: what the kernel would refuse without saying why.
func TestMemoryPolicy(t *testing.T) {
	for _, row := range []struct{ name, policy, want string }{
		{"default", `{"mode":"MPOL_DEFAULT","nodes":""}`, ""},
		{"local", `{"mode":"MPOL_LOCAL"}`, ""},
		{"bind", `{"mode":"MPOL_BIND","nodes":"0-1,3","flags":["MPOL_F_STATIC_NODES","MPOL_F_NUMA_BALANCING"]}`, ""},
		{"interleave", `{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_RELATIVE_NODES"]}`, ""},
		{"weighted", `{"mode":"MPOL_WEIGHTED_INTERLEAVE","nodes":"0"}`, ""},
		{"preferred", `{"mode":"MPOL_PREFERRED"}`, ""},
		{"preferred many", `{"mode":"MPOL_PREFERRED_MANY","nodes":"0,1"}`, ""},

		{"no mode", `{"nodes":"0"}`, "/linux/memoryPolicy/mode: is missing"},
		{"unknown mode", `{"mode":"MPOL_FAST"}`, `/linux/memoryPolicy/mode: "MPOL_FAST": is not a memory policy`},
		{"default with nodes", `{"mode":"MPOL_DEFAULT","nodes":"0"}`, `/linux/memoryPolicy/nodes: "0": must be empty with MPOL_DEFAULT`},
		{"local with nodes", `{"mode":"MPOL_LOCAL","nodes":"0"}`, "must be empty with MPOL_LOCAL"},
		{"bind without", `{"mode":"MPOL_BIND"}`, "/linux/memoryPolicy/nodes: must name at least one node with MPOL_BIND"},
		{"interleave without", `{"mode":"MPOL_INTERLEAVE"}`, "at least one node"},
		{"weighted without", `{"mode":"MPOL_WEIGHTED_INTERLEAVE"}`, "at least one node"},
		{"preferred many without", `{"mode":"MPOL_PREFERRED_MANY"}`, "at least one node"},
		{"nodes", `{"mode":"MPOL_BIND","nodes":"0-x"}`, "is not a list of nodes"},
		{"too high", `{"mode":"MPOL_BIND","nodes":"1024"}`, "is not a list of nodes"},
		{"sign", `{"mode":"MPOL_BIND","nodes":"+1"}`, "is not a list of nodes"},
		{"empty part", `{"mode":"MPOL_BIND","nodes":"0,"}`, "is not a list of nodes"},
		{"backwards", `{"mode":"MPOL_BIND","nodes":"3-1"}`, "ends before it begins"},
		{"both kinds of nodes", `{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_RELATIVE_NODES","MPOL_F_STATIC_NODES"]}`, `/linux/memoryPolicy/flags/1: "MPOL_F_STATIC_NODES": excludes`},
		{"balancing", `{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_NUMA_BALANCING"]}`, "/linux/memoryPolicy/flags/0"},
		{"static without nodes", `{"mode":"MPOL_LOCAL","flags":["MPOL_F_STATIC_NODES"]}`, "has no meaning without nodes"},
		{"unknown flag", `{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_X"]}`, `"MPOL_F_X": is not a flag of memory policies`},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := Load([]byte(`{"linux":{"memoryPolicy":` + row.policy + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			about := func(line string) bool { return !strings.Contains(line, "/linux/memoryPolicy") }
			got := slices.DeleteFunc(lines(Validate(s)), about)
			if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func FuzzParseNodes(f *testing.F) {
	f.Add("0-3,7")
	f.Add("1023")
	f.Fuzz(func(t *testing.T, text string) {
		nodes, problem := ParseNodes(text)
		if problem == "" && text != "" && len(nodes) == 0 || !slices.IsSorted(nodes) {
			t.Errorf("%q: %v, %q", text, nodes, problem)
		}
	})
}
