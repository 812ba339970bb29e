package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tare-run/tare/libcontainer"
)

// Rows C17, K1, K3: the state is what encoding/json would print, so that a new field cannot be forgotten.
func TestAppendState(t *testing.T) {
	full := libcontainer.State{
		OCIVersion: "1.3.0", ID: "web1", Pid: 4242, Status: libcontainer.StatusRunning, Bundle: "/b", Rootfs: "/b/rootfs",
		Created:     time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC),
		Annotations: map[string]string{"z": "last", "a": "first", "quote\"": "line\nbreak"}, Owner: "root",
		Unit: "tare-web1.scope", Overlay: "tmpfs",
	}
	for i := range reflect.TypeFor[libcontainer.State]().NumField() {
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Fatalf("field %s is not covered", reflect.TypeFor[libcontainer.State]().Field(i).Name)
		}
	}
	for name, s := range map[string]libcontainer.State{
		"every field":  full,
		"no field":     {},
		"empty map":    {Annotations: map[string]string{}},
		"another zone": {Created: full.Created.In(time.FixedZone("", 5400))},
	} {
		want, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendState(nil, &s)); got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Section 3 of the engine contract: `state` prints exactly that, and a line break.
func TestState(t *testing.T) {
	r := &recorder{state: libcontainer.State{ID: "web1", Status: libcontainer.StatusStopped, Created: testTime}}
	want := result{0, string(appendState(nil, &r.state)) + "\n", ""}
	if got := invoke(r, "state", "web1"); got != want {
		t.Errorf("got %+v", got)
	}
}

// Any string must come out as JSON that reads back as the same string, except for what is not UTF-8.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/", "\x00\x1f\x7f\t\n\r", "é\u2028\U0001f4e6", "\xff\xc3", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := toValidUTF8(s); got != want {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// toValidUTF8 replaces each bad byte on its own, as ranging over a string does.
func toValidUTF8(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
