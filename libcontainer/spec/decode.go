package spec

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tare-run/tare/internal/fault"
)

// decoder reads one JSON document token by token into the specification's types.
//
// The first problem stops it: err is set and every later call returns at once, so that the functions that name the
// members of an object need no error handling.
//
// With findings the document is being inspected, not loaded: a wrong value is noted and passed over, and so is a member
// that has no meaning. Only text that is not JSON stops it then.
type decoder struct {
	text     *jsontext.Decoder
	nulls    *[]string // receives the pointers of members that are null; nil where null means absent
	findings *Findings
	err      error
}

// The functions below and those in decode_*.go all read exactly one value from d into *v. null leaves *v alone.

func object(d *decoder, member func(name string)) {
	if _, ok := d.begin('{', "an object"); !ok {
		return
	}
	for d.err == nil && d.text.PeekKind() != '}' {
		if name, ok := d.next(); ok {
			member(name.String())
		}
	}
	d.next()
}

func list[T any](d *decoder, v *[]T, element func(*decoder, *T)) {
	if _, ok := d.begin('[', "an array"); !ok {
		return
	}
	out := []T{}
	for d.err == nil && d.text.PeekKind() != ']' {
		out = append(out, *new(T))
		if d.refuseNull() {
			continue
		}
		element(d, &out[len(out)-1])
	}
	d.next()
	*v = out
}

func table[T any](d *decoder, v *map[string]T, element func(*decoder, *T)) {
	if d.err == nil && d.text.PeekKind() == 'n' {
		d.next()
		return
	}
	out := map[string]T{}
	object(d, func(name string) {
		var e T
		if d.nulls != nil && d.text.PeekKind() == 'n' {
			d.next()
			return
		}
		if d.refuseNull() {
			return
		}
		element(d, &e)
		out[name] = e
	})
	*v = out
}

func pointer[T any](d *decoder, v **T, target func(*decoder, *T)) {
	if d.err == nil && d.text.PeekKind() == 'n' {
		d.next()
		return
	}
	*v = new(T)
	target(d, *v)
}

func text[T ~string](d *decoder, v *T) {
	if t, ok := d.begin('"', "a string"); ok {
		*v = T(t.String())
	}
}

func texts[T ~string](d *decoder, v *[]T) { list(d, v, text[T]) }

func boolean(d *decoder, v *bool) {
	t, ok := d.next()
	switch {
	case !ok || t.Kind() == 'n':
	case t.Kind() == 't' || t.Kind() == 'f':
		*v = t.Bool()
	default:
		d.mismatch(t.Kind(), "true or false")
	}
}

func signed[T ~int | ~int32 | ~int64](d *decoder, v *T) {
	t, ok := d.begin('0', "a number")
	if !ok {
		return
	}
	n, err := strconv.ParseInt(t.String(), 10, 64)
	if err != nil || int64(T(n)) != n {
		lowest := T(-1)
		for lowest<<1 < 0 {
			lowest <<= 1
		}
		d.notInRange(t.String(), strconv.FormatInt(int64(lowest), 10), strconv.FormatInt(int64(^lowest), 10))
		return
	}
	*v = T(n)
}

func unsigned[T ~uint | ~uint16 | ~uint32 | ~uint64](d *decoder, v *T) {
	t, ok := d.begin('0', "a number")
	if !ok {
		return
	}
	n, err := strconv.ParseUint(t.String(), 10, 64)
	if err != nil || uint64(T(n)) != n {
		d.notInRange(t.String(), "0", strconv.FormatUint(uint64(^T(0)), 10))
		return
	}
	*v = T(n)
}

// next reads one token; false when there is none because of an error.
func (d *decoder) next() (jsontext.Token, bool) {
	if d.err != nil {
		return jsontext.Token{}, false
	}
	t, err := d.text.ReadToken()
	d.err = err
	if d.nulls != nil && t.Kind() == 'n' {
		*d.nulls = append(*d.nulls, string(d.text.StackPointer()))
	}
	return t, err == nil
}

// begin reads the first token of a value that must be of this kind; false for null and after an error.
func (d *decoder) begin(kind jsontext.Kind, want string) (jsontext.Token, bool) {
	t, ok := d.next()
	if !ok || t.Kind() == 'n' {
		return t, false
	}
	if t.Kind() != kind {
		d.mismatch(t.Kind(), want)
		return t, false
	}
	return t, true
}

// skip reads the value of a member that has no meaning. Its syntax is still checked.
func (d *decoder) skip() {
	if d.err == nil && d.findings != nil && len(d.findings.Unknown) < MaxFindings {
		d.findings.Unknown = append(d.findings.Unknown, string(d.text.StackPointer()))
	}
	d.pass()
}

// pass reads a value that has a meaning, for others.
func (d *decoder) pass() {
	if d.err == nil {
		d.err = d.text.SkipValue()
	}
}

// refuseNull stops at a null in an array or a table, and says so: there is no absent element.
func (d *decoder) refuseNull() bool {
	if d.err != nil || d.text.PeekKind() != 'n' {
		return false
	}
	d.next()
	d.mismatch('n', "a value")
	return true
}

// mismatch reports the kind of the value just begun, and leaves it.
func (d *decoder) mismatch(got jsontext.Kind, want string) {
	var is string
	switch got {
	case 'n':
		is = "null"
	case 't', 'f':
		is = "a boolean"
	case '"':
		is = "a string"
	case '0':
		is = "a number"
	case '{':
		is = "an object"
	default:
		is = "an array"
	}
	d.reject("is " + is + ", want " + want)
	if got == '{' || got == '[' {
		d.leave()
	}
}

// leave reads up to the end of the object or array just begun.
func (d *decoder) leave() {
	for outside := d.text.StackDepth() - 1; d.err == nil && d.text.StackDepth() > outside; {
		d.next()
	}
}

func (d *decoder) notInRange(got, lowest, highest string) {
	d.reject("is " + got + ", want an integer from " + lowest + " to " + highest)
}

// reject stops at the value just read; an inspection goes on behind it.
func (d *decoder) reject(reason string) {
	problem := &fault.Error{File: configName, Pointer: string(d.text.StackPointer()), Err: fault.Text(reason)}
	if d.findings != nil {
		if len(d.findings.Problems) < MaxFindings {
			d.findings.Problems = append(d.findings.Problems, problem)
		}
		return
	}
	d.err = problem
}
