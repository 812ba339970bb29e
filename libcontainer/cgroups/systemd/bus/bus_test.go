package bus

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	for _, row := range []struct {
		name, signature string
		values          []any
		want            string // hex
	}{
		{"byte", "y", []any{byte(7)}, "07"},
		{"truth", "b", []any{true}, "01000000"},
		{"padding", "yt", []any{byte(1), uint64(2)}, "0100000000000000" + "0200000000000000"},
		{"small numbers", "nq", []any{int16(-2), uint16(3)}, "feff0300"},
		{"numbers", "iux", []any{int32(-1), uint32(1), int64(-2)}, "ffffffff01000000" + "feffffffffffffff"},
		{"double", "d", []any{1.5}, "000000000000f83f"},
		{"text", "s", []any{"abc"}, "03000000" + "61626300"},
		{"signature", "g", []any{"as"}, "02" + "617300"},
		{"texts", "as", []any{[]any{"a", "bc"}}, "0f000000" + "01000000" + "6100" + "0000" + "02000000" + "626300"},
		{"bytes", "ay", []any{[]byte{1, 2}}, "02000000" + "0102"},
		{"no elements, padded as if", "at", []any{[]any{}}, "00000000" + "00000000"},
		{"struct", "(sb)", []any{[]any{"", true}}, "00000000" + "00" + "000000" + "01000000"},
		{"dictionary", "a{sv}", []any{[]any{[]any{"k", Value{"u", uint32(1)}}}}, "10000000" + "00000000" + "01000000" + "6b00" + "0175" + "0000" + "0000" + "01000000"},
		{"variant in a variant", "v", []any{Value{"v", Value{"y", byte(9)}}}, "017600" + "017900" + "09"},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := &encoder{}
			e.values(row.signature, row.values...)
			if e.err != nil {
				t.Fatal(e.err)
			}
			if got := hex.EncodeToString(e.data); got != row.want {
				t.Errorf("encoded %s, want %s", got, row.want)
			}
			d := &decoder{data: e.data}
			if got := d.values(row.signature); d.err != nil || !reflect.DeepEqual(got, row.values) {
				t.Errorf("decoded %v, %v; want %v", got, d.err, row.values)
			}
			for cut := range e.data {
				d := &decoder{data: e.data[:cut]}
				if d.values(row.signature); d.err == nil {
					t.Errorf("the first %d bytes alone were accepted", cut)
				}
			}
		})
	}
}

func TestRefusedToEncode(t *testing.T) {
	for _, row := range []struct {
		name, signature string
		values          []any
	}{
		{"another number", "t", []any{int32(1)}},
		{"no text", "s", []any{1}},
		{"zero byte", "s", []any{"a\x00b"}},
		{"no list", "as", []any{"a"}},
		{"bytes for texts", "as", []any{[]byte{1}}},
		{"field missing", "(ss)", []any{[]any{"a"}}},
		{"too many", "s", []any{"a", "b"}},
		{"too few", "ss", []any{"a"}},
		{"variant of two", "v", []any{Value{"ss", nil}}},
		{"variant of nothing", "v", []any{Value{}}},
		{"not UTF-8", "s", []any{"\xff"}},
		{"no object path", "o", []any{"a"}},
		{"object path with an end", "o", []any{"/a/"}},
		{"no signature", "g", []any{"a"}},
		{"dictionary with a list as key", "a{ass}", []any{[]any{}}},
		{"dictionary of three", "a{sss}", []any{[]any{}}},
		{"entry without a dictionary", "{ss}", []any{[]any{"a", "b"}}},
		{"unknown type", "r", []any{1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := &encoder{}
			if e.values(row.signature, row.values...); e.err == nil {
				t.Errorf("encoded %x", e.data)
			}
		})
	}
}

func TestRefusedToDecode(t *testing.T) {
	for _, row := range []struct{ name, signature, data string }{
		{"truth that is neither", "b", "02000000"},
		{"text without its end", "s", "01000000" + "6161"},
		{"text that is not UTF-8", "s", "01000000" + "ff00"},
		{"array longer than the message", "ay", "ffffff7f"},
		{"array that ends within an element", "au", "03000000" + "01000000"},
		{"length of 2^32-1", "s", "ffffffff"},
		{"variant of nothing", "v", "0000"},
		{"variant of two", "v", "02797900" + "0101"},
		{"struct that is empty", "()", ""},
		{"array of nothing", "a", "00000000"},
		{"brace that does not end", "a{sv", "00000000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, err := hex.DecodeString(row.data)
			if err != nil {
				t.Fatal(err)
			}
			d := &decoder{data: data}
			if got := d.values(row.signature); d.err == nil {
				t.Errorf("decoded %v", got)
			}
		})
	}
	deep := &decoder{data: []byte(strings.Repeat("\x01v\x00", 1000))}
	if deep.values("v"); deep.err == nil {
		t.Error("a thousand variants in each other were accepted")
	}
	if _, _, ok := FirstType(strings.Repeat("a", 1000) + "y"); ok {
		t.Error("a thousand arrays in each other were accepted")
	}
}

func TestMessage(t *testing.T) {
	sent := &Message{
		Kind: TypeCall, Serial: 5, ReplySerial: 4, Path: "/a", Interface: "b.c", Member: "D", Destination: "e.f",
		Signature: "sas", Body: []any{"x", []any{"y"}},
	}
	data, err := sent.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if length, err := Length(data); err != nil || length != len(data) {
		t.Errorf("length %d, %v; want %d", length, err, len(data))
	}
	got, err := Decode(data)
	if err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, %v; want %+v", got, err, sent)
	}
	for _, row := range []struct {
		name string
		at   int
		to   byte
	}{{"byte order", 0, 'B'}, {"version", 3, 2}, {"body of 16 MiB", 7, 1}, {"fields of 16 MiB", 15, 1}} {
		wrong := append([]byte(nil), data...)
		wrong[row.at] = row.to
		if _, err := Length(wrong); err == nil {
			t.Errorf("%s: accepted", row.name)
		}
	}
	if _, err := Decode(append(data, 0)); err == nil {
		t.Error("a byte behind the body was accepted")
	}
}

func TestAddresses(t *testing.T) {
	for _, row := range []struct {
		address string
		want    []string
	}{
		{"unix:path=/run/dbus/system_bus_socket", []string{"/run/dbus/system_bus_socket"}},
		{"unix:path=/a,guid=0123;unix:abstract=b", []string{"/a", "@b"}},
		{"tcp:host=localhost,port=1;unix:path=/a%20b", []string{"/a b"}},
		{PathAddress("/run/user/1000/a b%,;=é"), []string{"/run/user/1000/a b%,;=é"}},
		{"", nil}, {"/run/dbus", nil}, {"tcp:host=localhost", nil}, {"unix:path=", nil},
		{"unix:path=/a%2", nil}, {"unix:path=/a%zz", nil}, {"unix:path=/a%00", nil},
	} {
		sockets, err := parseAddress(row.address)
		var got []string
		for _, s := range sockets {
			got = append(got, s.Name)
		}
		if !reflect.DeepEqual(got, row.want) || (err == nil) != (row.want != nil) {
			t.Errorf("%s: %q, %v; want %q", row.address, got, err, row.want)
		}
	}
}

// Whatever another process sends: an error or a message, never a panic or memory without measure.
func FuzzDecode(f *testing.F) {
	data, err := (&Message{
		Kind: TypeSignal, Serial: 1, Path: "/a", Interface: "b.c", Member: "D", Signature: "usa(sv)ay",
		Body: []any{uint32(1), "x", []any{[]any{"k", Value{"as", []any{"z"}}}}, []byte{1}},
	}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= HeaderSize {
			if length, err := Length(data); err == nil && (length < HeaderSize || length > maxMessage) {
				t.Errorf("length %d", length)
			}
		}
		if m, err := Decode(data); err == nil && m == nil {
			t.Error("neither a message nor an error")
		}
	})
}
