package spec

import (
	"slices"
	"strings"
	"testing"
)

// JU1 JU12: what is null is reported by its pointer, at any depth, and the rest is read as in config.json.
func TestLoadResources(t *testing.T) {
	r, nulls, err := LoadResources([]byte(`{
		"memory": {"limit": null, "swap": 5, "disableOOMKiller": null}, "cpu": null, "devices": null, "unknown": {"x": null},
		"pids": {"limit": 0}, "unified": {"a/b": null, "memory.high": "1"}, "rdma": {"m": null}, "hugepageLimits": null,
		"blockIO": {"weightDevice": null}}`), "FILE")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(nulls)
	want := "/blockIO/weightDevice /cpu /devices /hugepageLimits /memory/disableOOMKiller /memory/limit /rdma/m /unified/a~1b"
	if got := strings.Join(nulls, " "); got != want {
		t.Errorf("null: got  %s\nwant %s", got, want)
	}
	if r.Memory.Limit != nil || *r.Memory.Swap != 5 || r.CPU != nil || *r.Pids.Limit != 0 || len(r.Unified) != 1 || len(r.Rdma) != 0 || r.Devices != nil {
		t.Errorf("got %+v", r)
	}
}

// Errors name the file and the place in it; null where something has to be is one.
func TestLoadResourcesRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                      "FILE: is null, want an object",
		`[]`:                        "FILE: is an array, want an object",
		`{"cpu": {"quota": "x"}}`:   "FILE /cpu/quota: is a string, want a number",
		`{"devices": [null]}`:       "FILE /devices/0: is null, want a value",
		`{"cpu": {}, "cpu": {}}`:    "FILE /cpu: line 1, column 13: name is given twice; remove one of the two",
		`{"cpu": {}} {}`:            "FILE: more than one JSON value",
		`{"pids": {"limit": 1e99}}`: "FILE /pids/limit: is 1e99, want an integer from -9223372036854775808 to 9223372036854775807",
	} {
		if _, _, err := LoadResources([]byte(text), "FILE"); err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", text, err, want)
		}
	}
}
