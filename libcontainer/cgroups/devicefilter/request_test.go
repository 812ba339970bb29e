package devicefilter

import (
	"reflect"
	"testing"
)

// The key has every field of a policy, those of a later version too: two policies with one key would mean that a container
// runs with another one's filter.
func TestKeyCoversEveryField(t *testing.T) {
	p := Policy{Rules: []Rule{
		{Allow: true, Type: BlockType, Major: 8, Minor: 1, Access: Read},
		{Type: CharType, Major: 1, Minor: 3, Access: Write},
	}}
	seen := map[string]string{string(p.Key()): "nothing changed"}
	try := func(field string, v reflect.Value) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Uint8:
			v.SetUint(v.Uint() ^ 1)
		case reflect.Int64:
			v.SetInt(v.Int() + 300)
		default:
			t.Fatalf("%s has type %v: teach Key and this test", field, v.Type())
		}
		if other, ok := seen[string(p.Key())]; ok {
			t.Errorf("same key for %q and %q", field, other)
		}
		seen[string(p.Key())] = field
		v.Set(old)
	}
	if n := reflect.TypeFor[Policy]().NumField(); n != 2 {
		t.Errorf("a policy has %d fields: teach Key and this test", n)
	}
	try("Allow", reflect.ValueOf(&p.Allow).Elem())
	for i := range p.Rules {
		v := reflect.ValueOf(&p.Rules[i]).Elem()
		for field := range v.NumField() {
			try(v.Type().Field(field).Name, v.Field(field))
		}
	}
	p.Rules = p.Rules[:1]
	if other, ok := seen[string(p.Key())]; ok {
		t.Errorf("same key for a rule less and %q", other)
	}
}

// Policies that differ only in what never decides share a program.
func TestKeyIsThatOfTheSimplePolicy(t *testing.T) {
	a, b := policy(t, "deny a"), policy(t, "allow b 8:0 r", "deny a")
	if string(a.Key()) != string(b.Key()) {
		t.Errorf("%q and %q", a.Key(), b.Key())
	}
}

func TestRequestRoundTrip(t *testing.T) {
	want := policy(t, "deny a", "allow b 8:* rw", "deny c *:3 m")
	text, err := want.Request()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseRequest(text); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := ParseRequest([]byte(`{"Rules":[{"Type":"b"}]}`)); err == nil {
		t.Error("nonsense was read as a policy")
	}
}

func TestValidProgram(t *testing.T) {
	for size, want := range map[int]bool{0: false, 7: false, 8: true, 8 * MaxInstructions: true, 8 * (MaxInstructions + 1): false} {
		if got := ValidProgram(make([]byte, size)); got != want {
			t.Errorf("%d bytes: %v", size, got)
		}
	}
}
