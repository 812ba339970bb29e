package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Row C33: the template itself belongs to package spec.
func TestSpec(t *testing.T) {
	bundle := t.TempDir()
	if got := invoke(&recorder{}, "spec", "--bundle", bundle); got != (result{}) {
		t.Fatalf("spec: %+v", got)
	}
	path := filepath.Join(bundle, "config.json")
	first := readFile(t, path)
	if !strings.HasPrefix(first, "{\n\t\"ociVersion\": \"1.") || !strings.HasSuffix(first, "\n}\n") {
		t.Errorf("config.json begins %.40q", first)
	}
	want := result{1, "", errorLine(`spec: create "` + path + `": file exists; remove it first, or name another one with --file`)}
	if got := invoke(&recorder{}, "spec", "--rootless", "-b", bundle); got != want {
		t.Errorf("second spec: %+v", got)
	}
	if readFile(t, path) != first {
		t.Error("the existing file was changed")
	}
	if got := invoke(&recorder{}, "spec", "--rootless", "-b", bundle, "-f", "other.json"); got != (result{}) {
		t.Errorf("spec --file: %+v", got)
	}
	if other := readFile(t, filepath.Join(bundle, "other.json")); other == first || !strings.Contains(other, `"uidMappings"`) {
		t.Error("the rootless template has no id maps")
	}
}
