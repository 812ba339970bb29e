package protocol

import (
	"reflect"
	"testing"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
)

var filter = bpf.Encode([]bpf.Instruction{{Code: bpf.Return, K: bpf.ReturnAllow}, {Code: bpf.Return}})

func TestAnswerRoundTrip(t *testing.T) {
	for _, want := range []Answer{{Filter: filter}, {Filter: filter, Unknown: []string{"one"}}, {Filter: filter, Unknown: []string{"one", "two"}}} {
		if got, ok := ParseAnswer(want.Encode()); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, ok, want)
		}
	}
}

// What cannot be a filter is not loaded.
func TestParseAnswerRefuses(t *testing.T) {
	good := Answer{Filter: filter, Unknown: []string{"12345678"}}.Encode()
	for _, row := range []struct {
		name  string
		bytes []byte
	}{
		{"nothing", nil},
		{"half a length", good[:3]},
		{"no filter", Answer{Unknown: []string{"one"}}.Encode()},
		{"filter cut", good[:sizeLength+len(filter)-1]},
		{"half an instruction", Answer{Filter: filter[:4]}.Encode()},
		{"more than the kernel takes", Answer{Filter: make([]byte, bpf.MaxProgram+bpf.InstructionSize)}.Encode()},
	} {
		if _, ok := ParseAnswer(row.bytes); ok {
			t.Errorf("%s: accepted", row.name)
		}
	}
}
