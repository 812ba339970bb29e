package serve

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/protocol"
)

var compilers = []Compiler{
	{Kind: "upper", Compile: func(b []byte) ([]byte, error) { return []byte(strings.ToUpper(string(b))), nil }},
	{Kind: "never", Compile: func([]byte) ([]byte, error) { return nil, unix.EDOM }, Facts: func() []string { return []string{"mood bad", "mood worse"} }},
}

func TestCompile(t *testing.T) {
	for _, row := range []struct {
		name, kind, request, answer string
		want                        error
	}{
		{"first", "upper", "abc", "ABC", nil},
		{"second", "never", "abc", "", unix.EDOM},
		{"none", "lower", "abc", "", fault.ErrNotSupported},
		{"longest", "upper", strings.Repeat("x", protocol.MaxRequest), strings.Repeat("X", protocol.MaxRequest), nil},
		{"longer", "upper", strings.Repeat("x", protocol.MaxRequest+1), "", unix.E2BIG},
	} {
		answer, err := compile(compilers, row.kind, strings.NewReader(row.request))
		if string(answer) != row.answer || !errors.Is(err, row.want) {
			t.Errorf("%s: %d bytes, %v; want %v", row.name, len(answer), err, row.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	text := Describe([]byte("executable"), compilers...)
	for word, want := range map[string][]string{
		protocol.FactID: {protocol.ID([]byte("executable"))}, protocol.FactCompiles: {"upper", "never"}, "mood": {"bad", "worse"},
	} {
		if got := protocol.Facts(text, word); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
