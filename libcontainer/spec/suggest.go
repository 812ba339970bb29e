package spec

import (
	"reflect"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// Suggest says what the author of an unknown member may have meant: the nearest name that its object knows, or the one
// other place where the very name belongs. It is empty where nothing comes near.
func Suggest(pointer string) string {
	tokens := strings.Split(pointer, "/")[1:]
	if len(tokens) == 0 {
		return ""
	}
	name := unescape(tokens[len(tokens)-1])
	object := reflect.TypeFor[specs.Spec]()
	for _, token := range tokens[:len(tokens)-1] {
		if object = memberType(object, unescape(token)); object == nil {
			return ""
		}
	}
	if near := nearest(name, memberNames(object)); near != "" {
		return "did you mean " + near
	}
	if places := placesOf(name, reflect.TypeFor[specs.Spec](), "", nil); len(places) == 1 {
		return "it belongs at " + places[0]
	}
	return ""
}

// unescape decodes one reference token of a pointer (RFC 6901 section 4).
func unescape(token string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}

// memberType is the type of one member or element of t; nil if there is none.
func memberType(t reflect.Type, name string) reflect.Type {
	switch t = indirect(t); t.Kind() {
	case reflect.Slice, reflect.Map:
		return indirect(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if jsonName(t.Field(i)) == name {
				return indirect(t.Field(i).Type)
			}
		}
	}
	return nil
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// memberNames are the members of an object that mean something on Linux.
func memberNames(t reflect.Type) []string {
	if t = indirect(t); t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		if f := t.Field(i); isForLinux(f) {
			names = append(names, jsonName(f))
		}
	}
	return names
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// isForLinux reads the tag with which the specification's types name the platforms of a member.
func isForLinux(f reflect.StructField) bool {
	platforms := f.Tag.Get("platform")
	return platforms == "" || strings.Contains(platforms, "linux")
}

// placesOf are the pointers at which a member of this name means something, those inside arrays and tables excepted.
func placesOf(name string, t reflect.Type, at string, found []string) []string {
	if t = indirect(t); t.Kind() != reflect.Struct {
		return found
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !isForLinux(f) {
			continue
		}
		here := at + fault.Ptr(jsonName(f))
		if jsonName(f) == name {
			found = append(found, here)
		}
		found = placesOf(name, f.Type, here, found)
	}
	return found
}

// nearest is the name with the fewest edits, if those are few for its length; a name that differs in case alone wins.
func nearest(name string, names []string) string {
	best, least := "", len(name)/3+1
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
		if d := edits(strings.ToLower(name), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

// edits counts the bytes to insert, remove, replace, or exchange with their neighbour, that make b of a.
func edits(a, b string) int {
	older, old := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replace := old[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, old = old, row
	}
	return old[len(b)]
}
