package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
	"github.com/tare-run/tare/libcontainer/plan/describe"
)

func problem(warning bool, e fault.Error) libcontainer.Problem {
	return libcontainer.Problem{Warning: warning, Text: e.Error(), Error: &e}
}

func TestCheckVerb(t *testing.T) {
	wrong := problem(false, fault.Error{Pointer: "/a", Path: "p", Err: fault.Text("is wrong"), Hint: "mend it"})
	odd := problem(true, fault.Error{Pointer: "/b", Err: fault.Text("is odd")})
	for _, row := range []struct {
		name     string
		problems []libcontainer.Problem
		status   int
		text     string
	}{
		{"nothing", nil, 0, "no errors, no warnings\n"},
		{"a warning", []libcontainer.Problem{odd}, 0, "warning: config.json /b: is odd\nno errors, 1 warning\n"},
		{"both", []libcontainer.Problem{wrong, odd}, 1, "error: config.json /a: \"p\": is wrong; mend it\nwarning: config.json /b: is odd\n1 error, 1 warning\n"},
		{"two errors", []libcontainer.Problem{wrong, wrong}, 1, strings.Repeat("error: config.json /a: \"p\": is wrong; mend it\n", 2) + "2 errors, no warnings\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := invoke(&recorder{problems: row.problems}, "check")
			if got.status != row.status || got.stdout != row.text || got.stderr != "" {
				t.Errorf("%+v", got)
			}
			got = invoke(&recorder{problems: row.problems}, "check", "--format", "json")
			var document struct {
				Errors, Warnings int
				Problems         []struct{ Severity, Pointer, Message, Hint string }
			}
			if err := json.Unmarshal([]byte(got.stdout), &document); err != nil {
				t.Fatal(err)
			}
			if document.Problems == nil || len(document.Problems) != len(row.problems) || document.Errors+document.Warnings != len(row.problems) {
				t.Errorf("%s", got.stdout)
			}
			if row.name == "both" {
				if p := document.Problems[0]; p.Severity != "error" || p.Pointer != "/a" || p.Message != `"p": is wrong` || p.Hint != "mend it" {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

func TestCheckOptions(t *testing.T) {
	r := &recorder{}
	invoke(r, "check", "-b", "/x", "-f", "/y", "web1")
	if want := (libcontainer.CreateOptions{ID: "web1", Bundle: "/x", Config: "/y"}); r.call != "check" || !reflect.DeepEqual(r.options, any(want)) {
		t.Errorf("%s %+v", r.call, r.options)
	}
	for _, verb := range []string{"check", "plan"} {
		for _, args := range [][]string{{verb, "a", "b"}, {verb, "--format", "xml"}, {verb, "--nosuch"}} {
			if got := invoke(&recorder{}, args...); got.status != 1 || got.stdout != "" || !strings.Contains(got.stderr, verb) {
				t.Errorf("%q: %+v", args, got)
			}
		}
	}
}

func TestPlanVerb(t *testing.T) {
	r := &recorder{planned: []libcontainer.PlannedStep{
		{Name: "clone", Members: describe.Members{{Name: "new", Value: []any{"pid"}}}},
		{Init: true, Name: "hostname", Pointer: "/hostname", Members: describe.Members{{Name: "name", Value: "a b"}}},
		{Init: true, Name: "exec"},
	}}
	got := invoke(r, "plan")
	const text = "  1  runtime  clone new=[pid]\n  2  init     hostname name=\"a b\"  # /hostname\n  3  init     exec\n"
	if got.status != 0 || got.stdout != text {
		t.Errorf("%+v", got)
	}
	got = invoke(r, "plan", "--format=json", "web1")
	const document = `{"id":"web1","steps":[{"side":"runtime","step":"clone","members":{"new":["pid"]}},` +
		`{"side":"init","step":"hostname","pointer":"/hostname","members":{"name":"a b"}},{"side":"init","step":"exec"}]}`
	if compact := strings.NewReplacer("\n", "", "  ", "", ": ", ":").Replace(got.stdout); compact != document {
		t.Errorf("%s\nwant %s", compact, document)
	}
}
