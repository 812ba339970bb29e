package assemble

import (
	"bytes"
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// What the helper answers is the program, and has the form that the other side expects.
func TestAnswer(t *testing.T) {
	p := policy(t, deny("a", every, every, "rwm"), allow("b", 8, every, "r"))
	want, err := Program(p)
	if err != nil {
		t.Fatal(err)
	}
	request, err := p.Request()
	if err != nil {
		t.Fatal(err)
	}
	got, err := answer(request)
	if err != nil || !bytes.Equal(got, want) || !devicefilter.ValidProgram(got) {
		t.Errorf("got %x, %v; want %x", got, err, want)
	}
	if got, err := answer([]byte("{")); err == nil {
		t.Errorf("half a request was answered with %x", got)
	}
}
