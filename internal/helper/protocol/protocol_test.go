package protocol

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// An error is the same on both sides, to a reader and to errors.Is.
func TestProblemRoundTrip(t *testing.T) {
	for _, err := range []error{
		&fault.Error{Op: "add architecture", Pointer: "/linux/seccomp/architectures/1", Path: "SCMP_ARCH_ARM", Err: unix.EDOM, Hint: "remove it"},
		&fault.Error{Pointer: "/linux/seccomp", Err: fault.Text("too many rules")},
		unix.ENOMEM,
		errors.New("plain"),
	} {
		text, jsonErr := json.Marshal(Response{Problem: ProblemOf(err)})
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		_, got := ParseResponse(text)
		if got == nil || got.Error() != err.Error() {
			t.Fatalf("got %v, want %q", got, err)
		}
		for _, errno := range []unix.Errno{unix.EDOM, unix.ENOMEM} {
			if errors.Is(got, errno) != errors.Is(err, errno) {
				t.Errorf("%q: is %v: %v", err, errno, errors.Is(got, errno))
			}
		}
	}
}

func TestParseResponse(t *testing.T) {
	for _, row := range []struct {
		name, text, want string
		ok               bool
	}{
		{"answer", `{"answer":"YWI="}`, "ab", true},
		{"nothing", "", "", false},
		{"half of it", `{"answer":"YWI="`, "", false},
		{"another thing", `[]`, "", false},
	} {
		if got, err := ParseResponse([]byte(row.text)); string(got) != row.want || (err == nil) != row.ok {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
	text, err := json.Marshal(Response{Answer: make([]byte, MaxAnswer+1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseResponse(text); !errors.Is(err, unix.EFBIG) {
		t.Errorf("too long: %v", err)
	}
}

func TestFacts(t *testing.T) {
	const description = "id 5-ff\ncompiles one\ncompiles two\narch\ncut"
	for word, want := range map[string][]string{"id": {"5-ff"}, "compiles": {"one", "two"}, "arch": {""}, "cut": {""}, "five": nil} {
		if got := Facts(description, word); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func TestIDTellsExecutablesApart(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"", "a", "b", "aa", "a\x00"} {
		id := ID([]byte(text))
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the id %s", text, other, id)
		}
		seen[id] = text
	}
}
