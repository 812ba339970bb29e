package resctrl

import "testing"

// JU7 JU9: what is put back are the lines of the resources that a schema names, and no others.
func TestLinesFor(t *testing.T) {
	const current = "    MB:0=100;1=50\nL3CODE:0=7ff\nL3DATA:0=00f\n"
	for schema, want := range map[string]string{
		"":                           "",
		"MB:0=20":                    "MB:0=100;1=50",
		"L3DATA:0=1\n":               "L3DATA:0=00f",
		"L3DATA:0=1\n L3CODE:0=3 \n": "L3CODE:0=7ff\nL3DATA:0=00f",
		"L3:0=1":                     "",
	} {
		if got := linesFor(current, schema); got != want {
			t.Errorf("%q: got %q, want %q", schema, got, want)
		}
	}
}
