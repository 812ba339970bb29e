package spec

import (
	"reflect"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestInspect(t *testing.T) {
	const document = `{
		"ociVersion": 7,
		"hostnme": "h",
		"process": {"cwd": ["a", {"b": []}], "args": ["sh", null, 3], "terminal": "yes", "user": {"uid": -1, "gid": 5}},
		"root": {"path": "r"},
		"mounts": [{"destination": {"deep": {"deeper": [1, 2]}}, "type": "proc"}, "no mount"],
		"annotations": {"a": null, "b": "c"},
		"linux": {"resources": {"memory": {"limit": "64M", "lmit": 1}}, "namespaces": [{"typ": "pid", "type": "pid"}]},
		"windows": {"anything": 1}
	}`
	s, f, err := Inspect([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var pointers []string
	for _, p := range f.Problems {
		pointers = append(pointers, p.Pointer)
	}
	want := []string{
		"/ociVersion", "/process/cwd", "/process/args/1", "/process/args/2", "/process/terminal", "/process/user/uid",
		"/mounts/0/destination", "/mounts/1", "/annotations/a", "/linux/resources/memory/limit",
	}
	if !slices.Equal(pointers, want) {
		t.Errorf("problems at %q\nwant %q", pointers, want)
	}
	unknown := []string{"/hostnme", "/linux/resources/memory/lmit", "/linux/namespaces/0/typ"}
	if !slices.Equal(f.Unknown, unknown) {
		t.Errorf("unknown %q, want %q", f.Unknown, unknown)
	}
	if s.Process.User.GID != 5 || s.Root.Path != "r" || s.Mounts[0].Type != "proc" || s.Annotations["b"] != "c" || s.Linux.Namespaces[0].Type != "pid" {
		t.Errorf("what is right beside something wrong was not read: %+v", s)
	}
}

func TestInspectStopsAtWhatIsNotJSON(t *testing.T) {
	for _, document := range []string{"", "{", `{"root": {]}`, `{"a": 1} 2`, `{"process": [1, }`, `{"a": 1, "a": 2}`} {
		if _, _, err := Inspect([]byte(document)); err == nil {
			t.Errorf("Inspect(%q) found nothing wrong", document)
		}
	}
}

// What Load accepts must be free of findings, and what it refuses must have one; unless the text is not JSON.
func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"process": {"cwd": [1]}, "root": null}`))
	f.Add([]byte(`{"hooks": {"prestart": [{"path": 1}, null, {"timeout": "x"}]}}`))
	f.Add([]byte(`{"linux": {"sysctl": {"a": {"b": 1}}, "devices": [[], {}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		loaded, loadErr := Load(data)
		inspected, found, err := Inspect(data)
		switch {
		case err != nil && loadErr == nil:
			t.Fatalf("Load accepts what Inspect refuses: %v", err)
		case err != nil:
		case (loadErr == nil) != (len(found.Problems) == 0):
			t.Fatalf("Load says %v, Inspect %v", loadErr, found.Problems)
		case loadErr != nil && loadErr.Error() != found.Problems[0].Error():
			t.Fatalf("Load says %q, Inspect %q first", loadErr, found.Problems[0])
		case loadErr == nil && !reflect.DeepEqual(loaded, inspected):
			t.Fatal("Load and Inspect read different things")
		}
	})
}

func TestSuggest(t *testing.T) {
	for _, row := range []struct{ pointer, want string }{
		{"/hostnme", "did you mean hostname"},
		{"/Hostname", "did you mean hostname"},
		{"/resources", "it belongs at /linux/resources"},
		{"/linux/resources/memory/lmiit", "did you mean limit"},
		{"/linux/namespaces/0/typ", "did you mean type"},
		{"/mounts/3/optoins", "did you mean options"},
		{"/process/capabilities/boundign", "did you mean bounding"},
		{"/linux/capabilities", "it belongs at /process/capabilities"},
		{"/process/user/username", ""}, // for Windows
		{"/annotations/x", ""},
		{"/something/else", ""},
		{"/x", ""},
		{"", ""},
	} {
		if got := Suggest(row.pointer); got != row.want {
			t.Errorf("Suggest(%q) = %q, want %q", row.pointer, got, row.want)
		}
	}
}

// Every member that the specification's types have for Linux must be known to the decoder, or inspection would call it
// unknown.
func TestInspectKnowsEveryMember(t *testing.T) {
	var s specs.Spec
	n := 0
	fill(t, reflect.ValueOf(&s).Elem(), &n)
	_, f, err := Inspect(mustMarshal(t, &s))
	if err != nil {
		t.Fatal(err)
	}
	for _, pointer := range f.Unknown {
		t.Errorf("%s is called unknown", pointer)
	}
}
