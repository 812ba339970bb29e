package systemd

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

func TestParseVariant(t *testing.T) {
	list := func(v ...any) []any { return append([]any{}, v...) }
	for _, row := range []struct {
		text, signature string
		want            any
	}{
		{"true", "b", true},
		{" false ", "b", false},
		{"5", "i", int32(5)},
		{"-5", "i", int32(-5)},
		{"+0x10", "i", int32(16)},
		{"uint64 5", "t", uint64(5)},
		{"uint64 18446744073709551615", "t", uint64(18446744073709551615)},
		{"byte 0xff", "y", byte(255)},
		{"int16 -1", "n", int16(-1)},
		{"uint16 1", "q", uint16(1)},
		{"uint32 1", "u", uint32(1)},
		{"int64 -1", "x", int64(-1)},
		{"1.5", "d", 1.5},
		{"double 2", "d", 2.0},
		{"@t 7", "t", uint64(7)},
		{"'it'", "s", "it"},
		{`"it's"`, "s", "it's"},
		{`'it\'s\t\u00e9\\'`, "s", "it's\té\\"},
		{"objectpath '/a'", "o", "/a"},
		{"signature 'as'", "g", "as"},
		{"['a', 'b']", "as", list("a", "b")},
		{"@as []", "as", list()},
		{"[1, uint64 2]", "at", list(uint64(1), uint64(2))},
		{"[byte 1, 2]", "ay", []byte{1, 2}},
		{"b'ab'", "ay", []byte("ab\x00")},
		{"[[], ['a']]", "aas", list(list(), list("a"))},
		{"('/dev/x', uint64 3)", "(st)", list("/dev/x", uint64(3))},
		{"('only',)", "(s)", list("only")},
		{"[('/dev/x', uint64 3), ('/dev/y', 4)]", "a(st)", nil}, // the second has another type
		{"@a(st) [('/dev/x', 3), ('/dev/y', 4)]", "a(st)", list(list("/dev/x", uint64(3)), list("/dev/y", uint64(4)))},
		{"{'a': 1, 'b': 2}", "a{si}", list(list("a", int32(1)), list("b", int32(2)))},
		{"@a{sv} {'a': <uint64 1>}", "a{sv}", list(list("a", bus.Value{Signature: "t", V: uint64(1)}))},
		{"<'x'>", "v", bus.Value{Signature: "s", V: "x"}},
		{"<<true>>", "v", bus.Value{Signature: "v", V: bus.Value{Signature: "b", V: true}}},
	} {
		got, err := parseVariant(row.text)
		if row.want == nil {
			if err == nil {
				t.Logf("%s: %v", row.text, got)
			}
			continue
		}
		if err != nil || got.Signature != row.signature || !reflect.DeepEqual(got.V, row.want) {
			t.Errorf("%s: %q %#v, %v; want %q %#v", row.text, got.Signature, got.V, err, row.signature, row.want)
		}
	}
}

func TestParseVariantRefuses(t *testing.T) {
	for _, text := range []string{
		"", "word", "5x", "1 2", "'open", `'\q'`, "[", "[1", "[1,", "[1 2]", "[]", "()", "{}", "{'a'}", "{'a': }", "<>", "<1, 2>", "(1", "[1, 'a']",
		"int16 70000", "byte -1", "uint64 -1", "uint64 'a'", "@as 5", "@as ['a', 5]", "@ 5", "@(st) ('a',)", "@(s) ('a', 'b')", "@a{sv} {1: <2>}",
		"uint64", "uint64 uint32 5", "@s uint64 5", "1e400", "nothing", "just 5", "[uint64 1, uint32 2]", "double inf", "b'open", "@a 5", "@a []", "@() ()",
		strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat("<", 100) + "1" + strings.Repeat(">", 100),
	} {
		if got, err := parseVariant(text); err == nil {
			t.Errorf("%q: %q %#v", text, got.Signature, got.V)
		}
	}
}

// Whatever is accepted can be sent: the value has the type that it says.
func FuzzParseVariant(f *testing.F) {
	for _, text := range []string{"true", "uint64 5", "['a', 'b']", "@a{sv} {'k': <(1, 2.5)>}", "b'x'", "@ay [1, 2]", "[[], ['a']]", "('a',)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVariant(text)
		if err != nil {
			return
		}
		if _, err := (&bus.Message{Kind: bus.TypeCall, Serial: 1, Signature: "v", Body: []any{v}}).Encode(); err != nil && !strings.Contains(err.Error(), "too long") && !strings.Contains(err.Error(), "UTF-8") && !strings.Contains(err.Error(), "object path") && !strings.Contains(err.Error(), "signature") {
			t.Errorf("%q: %q %#v: %v", text, v.Signature, v.V, err)
		}
	})
}
