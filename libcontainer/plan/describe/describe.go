// Package describe puts a step of a plan into words.
//
// It reads the fields of the step by reflection, so a new kind of step is described without a line here, and turns those
// numbers into words that nobody reads as numbers: bits of capabilities, flags of mounts, modes. It owns no data, and is not
// on the path of create.
package describe

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode"

	"github.com/tare-run/tare/libcontainer/step"
)

// Members are the fields of a step in the order of the type, without those that are zero.
type Members []Member

// Member is one field. Value is a string, a bool, an int64 or uint64, a Members, or a []any of these.
type Member struct {
	Name  string
	Value any
}

// Step describes one step.
func Step(s step.Step) Members {
	return members(reflect.Indirect(reflect.ValueOf(s)))
}

func members(v reflect.Value) Members {
	m := Members{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if v.Field(i).IsZero() || hidden(field.Name) {
			continue
		}
		value := any(nil)
		if words := inWords(v.Type().Name(), field.Name); words != nil {
			value = words(number(v.Field(i)))
		} else {
			value = valueOf(v.Field(i))
		}
		m = append(m, Member{memberName(field.Name), value})
	}
	return m
}

// number is the bits of any kind of integer.
func number(v reflect.Value) uint64 {
	if v.CanInt() {
		return uint64(v.Int())
	}
	return v.Uint()
}

func valueOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		return members(v)
	case reflect.Pointer:
		return valueOf(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return strconv.Itoa(v.Len()) + " bytes"
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueOf(v.Index(i))
		}
		return list
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	}
	if v.CanInt() {
		return v.Int()
	}
	return v.Uint()
}

// memberName is a Go name as JSON spells it: HostPath is hostPath, UID is uid, TimeoutSeconds is timeoutSeconds.
func memberName(field string) string {
	if strings.ToUpper(field) == field {
		return strings.ToLower(field)
	}
	runes := []rune(field)
	for i := 0; i < len(runes) && unicode.IsUpper(runes[i]); i++ {
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(runes[i])
	}
	return string(runes)
}

// String is the members on one line: `destination=/data options={bind=true data=[size=1m]}`.
func (m Members) String() string {
	words := make([]string, len(m))
	for i, member := range m {
		words[i] = member.Name + "=" + text(member.Value)
	}
	return strings.Join(words, " ")
}

func text(value any) string {
	switch v := value.(type) {
	case Members:
		return "{" + v.String() + "}"
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = text(v[i])
		}
		return "[" + strings.Join(words, " ") + "]"
	case string:
		return quoted(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return ""
}

// quoted leaves a word as it is, and quotes what could be taken for something else.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+:,@%=*", r))
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return strconv.Quote(s)
}

// MarshalJSON writes an object, with the members in their order.
func (m Members) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, member := range m {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(member.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(member.Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}
