package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestLoadKnowsEveryField fills the whole specification by reflection, writes it with the standard library and reads it
// back. A field that the decoder does not name would come back empty.
func TestLoadKnowsEveryField(t *testing.T) {
	want := new(specs.Spec)
	n := 0
	fill(t, reflect.ValueOf(want).Elem(), &n)
	data := mustMarshal(t, want)
	want.Solaris, want.Windows, want.VM, want.ZOS, want.FreeBSD = new(specs.Solaris), new(specs.Windows), new(specs.VM), new(specs.ZOS), new(specs.FreeBSD)

	got, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "", reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem())
}

// fill sets every exported field to something that is not zero and, for numbers and strings, is used nowhere else.
func fill(t testing.TB, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), n)
		fill(t, v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		e := reflect.New(v.Type().Elem()).Elem()
		fill(t, e, n)
		v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("key %d/~", *n)), e)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d ü", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*n))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Interface: // windows.credentialSpec
		v.Set(reflect.ValueOf("any"))
	default:
		t.Fatalf("the specification has a %s now: teach fill and the decoder", v.Kind())
	}
}

// diff names the fields that differ, where DeepEqual would only say that something does.
func diff(t *testing.T, path string, got, want reflect.Value) {
	t.Helper()
	if reflect.DeepEqual(got.Interface(), want.Interface()) {
		return
	}
	if got.Kind() == reflect.Pointer && !got.IsNil() && !want.IsNil() {
		got, want = got.Elem(), want.Elem()
	}
	if got.Kind() != reflect.Struct {
		t.Errorf("%s: got %v, want %v", path, got, want)
		return
	}
	for i := range got.NumField() {
		diff(t, path+"/"+got.Type().Field(i).Name, got.Field(i), want.Field(i))
	}
}

// E2: unknown properties MUST be ignored, in whichever object they are.
func TestLoadIgnoresUnknownEverywhere(t *testing.T) {
	s, n := new(specs.Spec), 0
	fill(t, reflect.ValueOf(s).Elem(), &n)
	data := mustMarshal(t, s)
	want, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&document); err != nil {
		t.Fatal(err)
	}
	addUnknown("", document)
	data, err = json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(data)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "", reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem())
}

// addUnknown puts a member into every object but those whose names are free.
func addUnknown(name string, value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			addUnknown("", e)
		}
	case map[string]any:
		for name, e := range v {
			addUnknown(name, e)
		}
		switch name {
		case "annotations", "sysctl", "netDevices", "timeOffsets", "rdma", "unified":
		default:
			v["run.example.unknown"] = []any{map[string]any{}, nil, 1}
		}
	}
}

func TestLoadReadsTheTemplate(t *testing.T) {
	want := Template(false)
	got, err := Load(mustMarshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoadIgnores(t *testing.T) {
	for _, test := range []struct{ name, data string }{
		{"E2 unknown properties", `{"ociVersion":"1.0.0","x":{"y":[1,{"z":null}]},"root":{"path":"r","x":1},"linux":{"x":{}}}`},
		{"null for absent", `{"ociVersion":"1.0.0","process":null,"root":{"path":"r","readonly":null},"mounts":null,"annotations":null,"hostname":null}`},
		{"names differ in case", `{"ociVersion":"1.0.0","OciVersion":"2.0.0","root":{"path":"r","Path":"R","READONLY":true}}`},
		{"white space around", " \r\n\t" + `{"ociVersion":"1.0.0","root":{"path":"r"}}` + "\n\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Load([]byte(test.data))
			if err != nil {
				t.Fatal(err)
			}
			if got.Version != "1.0.0" || got.Root == nil || got.Root.Path != "r" || got.Root.Readonly || got.Process != nil || got.Mounts != nil {
				t.Errorf("got %+v, root %+v", got, got.Root)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	for _, test := range []struct{ name, data, want string }{
		// Types.
		{"document is an array", `[]`, `config.json: is an array, want an object`},
		{"string for a boolean", `{"process":{"terminal":"yes"}}`, `config.json /process/terminal: is a string, want true or false`},
		{"string for a number", `{"process":{"user":{"uid":"0"}}}`, `config.json /process/user/uid: is a string, want a number`},
		{"number for a string", `{"mounts":[{},{"source":1}]}`, `config.json /mounts/1/source: is a number, want a string`},
		{"boolean for a string", `{"hostname":true}`, `config.json /hostname: is a boolean, want a string`},
		{"object for an array", `{"mounts":{"a":1}}`, `config.json /mounts: is an object, want an array`},
		{"array for an object", `{"linux":[]}`, `config.json /linux: is an array, want an object`},
		{"string for an array", `{"process":{"args":"sh"}}`, `config.json /process/args: is a string, want an array`},
		{"null in an array", `{"process":{"args":["sh",null]}}`, `config.json /process/args/1: is null, want a value`},
		{"null in a table", `{"linux":{"sysctl":{"net.x/y":null}}}`, `config.json /linux/sysctl/net.x~1y: is null, want a value`},
		// Numbers.
		{"fraction", `{"process":{"user":{"uid":1.5}}}`, `config.json /process/user/uid: is 1.5, want an integer from 0 to 4294967295`},
		{"exponent", `{"process":{"user":{"uid":1e3}}}`, `config.json /process/user/uid: is 1e3, want an integer from 0 to 4294967295`},
		{"negative id", `{"process":{"user":{"gid":-1}}}`, `config.json /process/user/gid: is -1, want an integer from 0 to 4294967295`},
		{"id of 33 bits", `{"process":{"user":{"additionalGids":[4294967296]}}}`, `config.json /process/user/additionalGids/0: is 4294967296, want an integer from 0 to 4294967295`},
		{"16 bits", `{"linux":{"resources":{"blockIO":{"weight":65536}}}}`, `config.json /linux/resources/blockIO/weight: is 65536, want an integer from 0 to 65535`},
		{"signed, too large", `{"linux":{"resources":{"memory":{"limit":9223372036854775808}}}}`, `config.json /linux/resources/memory/limit: is 9223372036854775808, want an integer from -9223372036854775808 to 9223372036854775807`},
		{"int32, too small", `{"process":{"scheduler":{"nice":-2147483649}}}`, `config.json /process/scheduler/nice: is -2147483649, want an integer from -2147483648 to 2147483647`},
		// Syntax.
		{"empty", ``, `config.json: is empty, want a JSON object`},
		{"only white space", "\n ", `config.json: is empty, want a JSON object`},
		{"cut off", "{\n \"root\": {", `config.json /root: line 2, column 11: unexpected EOF`},
		{"missing comma", "{\n  \"hostname\": \"a\"\n  \"root\": {}\n}", `config.json: line 3, column 3: invalid character '"' after object value (expecting ',' or '}')`},
		{"trailing comma", `{"mounts":[{},]}`, `config.json /mounts: line 1, column 14: invalid character ',' at start of value`},
		{"duplicate name", "{\"root\":{\"path\":\"a\",\n\"path\":\"b\"}}", `config.json /root/path: line 2, column 1: name is given twice; remove one of the two`},
		{"duplicate name in what is ignored", `{"x":{"y":1,"y":2}}`, `config.json /x/y: line 1, column 13: name is given twice; remove one of the two`},
		{"duplicate unknown name", `{"x":1,"x":2}`, `config.json /x: line 1, column 8: name is given twice; remove one of the two`},
		{"second document", `{} {}`, `config.json: more than one JSON value`},
		{"rubbish behind", `{} x`, `config.json: line 1, column 4: invalid character 'x' at start of value`},
		{"not UTF-8", "{\"hostname\":\"\xff\"}", `config.json /hostname: line 1, column 14: invalid UTF-8`},
		{"too large", strings.Repeat(" ", MaxSize) + "{}", `config.json: is larger than 16 MiB`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Load([]byte(test.data))
			if err == nil {
				t.Fatalf("got %+v, want error %s", s, test.want)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

// FuzzLoadValidate holds that no input makes the package panic, and that what it accepts survives being written and read
// again.
func FuzzLoadValidate(f *testing.F) {
	full, n := new(specs.Spec), 0
	fill(f, reflect.ValueOf(full).Elem(), &n)
	for _, s := range []*specs.Spec{full, Template(false), Template(true)} {
		f.Add(mustMarshal(f, s))
	}
	f.Add([]byte(`{"mounts":[{"destination":"proc/x"}],"linux":{"sysctl":{"a.b":"","..":"x"}},"ociVersion":"1.-+"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Load(data)
		if err != nil {
			return
		}
		for _, problem := range Validate(s) {
			_ = problem.Error()
		}
		Warnings(s, func(string) (uint, bool) { return 0, false })

		first := mustMarshal(t, s)
		again, err := Load(first)
		if err != nil {
			t.Fatalf("%s cannot be read: %v", first, err)
		}
		if second := mustMarshal(t, again); !bytes.Equal(first, second) {
			t.Errorf("got %s, want %s", second, first)
		}
	})
}

func mustMarshal(t testing.TB, s *specs.Spec) []byte {
	t.Helper()
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func BenchmarkLoad(b *testing.B) {
	data := mustMarshal(b, Template(false))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(bytes.Clone(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	s := Template(false)
	b.ReportAllocs()
	for b.Loop() {
		if problems := Validate(s); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}
