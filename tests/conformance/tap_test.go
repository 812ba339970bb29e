package conformance

import (
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, row := range []struct {
		name, output string
		exitStatus   int
		want         string
	}{
		{name: "all ok", output: "TAP version 13\nok 1 - a\nok 2 # SKIP b\n1..2\n", want: "pass"},
		{name: "one fails", output: "ok 1\nnot ok 2 - b\nok 3\n1..3\n", want: "fail:2"},
		{name: "unnumbered failure", output: "ok\nok 1 - a\nnot ok - b\n1..2\n", want: "fail:2"},
		{name: "known defect of the program", output: "not ok 1 - a # TODO later\n1..1\n", want: "pass"},
		{name: "stops early", output: "1..3\nok 1\n", exitStatus: 2, want: "fail:plan,exit"},
		{name: "second plan", output: "1..1\nok 1\n1..0\n", want: "pass"},
		{name: "no output at all", output: "", want: "pass"},
		{name: "diagnostic of a passed test", output: "ok 1 - must refuse\n  ---\n  {\n    \"error\": \"exit status 1\"\n  }\n  ...\n1..1\n", want: "pass"},
		{name: "description of two lines", output: "ok 1 - must refuse\nRefer to: x\n  ---\n  {\"error\": \"exit status 1\"}\n  ...\n1..1\n", want: "pass"},
		{name: "diagnostic without a test", output: "TAP version 13\n  ---\n  {\n    \"error\": \"order\"\n  }\n  ...\n1..0\n", want: "fail:diagnostic"},
		{name: "diagnostic without an error", output: "  ---\n  {\"stdout\": \"not ok 1\"}\n  ...\nok 1\n1..1\n", want: "pass"},
	} {
		t.Run(row.name, func(t *testing.T) {
			rep, err := readTAP(strings.NewReader(row.output))
			if err != nil {
				t.Fatal(err)
			}
			if got := rep.verdict(row.exitStatus); got != row.want {
				t.Errorf("verdict %q, want %q", got, row.want)
			}
		})
	}
}
