package protocol

import (
	"encoding/json"
	"errors"
	"reflect"
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
		var response Response
		if jsonErr := json.Unmarshal(text, &response); jsonErr != nil {
			t.Fatal(jsonErr)
		}
		got := response.Problem.Err()
		if got.Error() != err.Error() {
			t.Errorf("got %q, want %q", got, err)
		}
		for _, errno := range []unix.Errno{unix.EDOM, unix.ENOMEM} {
			if errors.Is(got, errno) != errors.Is(err, errno) {
				t.Errorf("%q: is %v: %v", err, errno, errors.Is(got, errno))
			}
		}
	}
}

func TestDescriptionRoundTrip(t *testing.T) {
	want := Description{Sum: "00ff", Library: "2.5.4", Archs: []string{"SCMP_ARCH_X86", "SCMP_ARCH_ARM"}}
	if got, err := ParseDescription(want.Text()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, text := range []string{"", "sha256 00\n", "libseccomp 2\n", "arch x\n"} {
		if _, err := ParseDescription(text); err == nil {
			t.Errorf("%q is taken for a description", text)
		}
	}
}
