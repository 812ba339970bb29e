package seccomp

import (
	"fmt"
	"reflect"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// fill gives every field under v a value, lists one element; an unexpected kind of field fails the test, so that whoever
// updates the specification meets it here.
func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.String:
		v.SetString("text")
	case reflect.Uint, reflect.Uint64:
		v.SetUint(1)
	default:
		t.Fatalf("a profile has a field of type %v: teach keyFor and this test", v.Type())
	}
}

// variants calls visit once for each way to change one thing under v, with the change in place, and undoes it.
func variants(v reflect.Value, path string, visit func(path string)) {
	change := func(path string, to reflect.Value) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		v.Set(to)
		visit(path)
		v.Set(old)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			variants(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		change(path+" emptied", reflect.MakeSlice(v.Type(), 0, 0))
		change(path+" doubled", reflect.AppendSlice(v, v))
		variants(v.Index(0), path+"[0]", visit)
	case reflect.Pointer:
		change(path+" removed", reflect.Zero(v.Type()))
		variants(v.Elem(), path, visit)
	case reflect.String:
		change(path, reflect.ValueOf("other").Convert(v.Type()))
	default:
		change(path, reflect.ValueOf(2).Convert(v.Type()))
	}
}

// Every field of a profile is part of the key, including those of a specification yet to come.
func TestKeyCoversEveryField(t *testing.T) {
	var profile specs.LinuxSeccomp
	v := reflect.ValueOf(&profile).Elem()
	fill(t, v)
	seen := map[string]string{string(keyFor(&profile)): "nothing changed"}
	variants(v, "profile", func(path string) {
		k := string(keyFor(&profile))
		if other, ok := seen[k]; ok {
			t.Errorf("same key for %q and %q", path, other)
		}
		seen[k] = path
	})
	if len(seen) < 25 {
		t.Errorf("only %d variants were tried", len(seen))
	}
}

// Neighbours must not run into each other.
func TestKeyIsUnambiguous(t *testing.T) {
	names := func(lists ...[]string) *specs.LinuxSeccomp {
		profile := specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
		for _, list := range lists {
			profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{Names: list, Action: specs.ActErrno})
		}
		return &profile
	}
	seen := map[string]string{}
	for _, profile := range []*specs.LinuxSeccomp{
		names([]string{"ab", "c"}), names([]string{"a", "bc"}), names([]string{"abc"}), names([]string{"ab"}, []string{"c"}),
		names([]string{"", "abc"}), names([]string{"abc", ""}),
	} {
		k, text := string(keyFor(profile)), fmt.Sprintf("%+v", profile.Syscalls)
		if other, ok := seen[k]; ok {
			t.Errorf("same key for %s and %s", text, other)
		}
		seen[k] = text
	}
}
