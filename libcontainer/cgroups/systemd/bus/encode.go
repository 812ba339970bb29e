package bus

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tare-run/tare/internal/fault"
)

// encoder appends values, in the byte order of the machine: both architectures that tare runs on are little-endian. Offsets, and so paddings, count from the start of data.
type encoder struct {
	data []byte
	err  error
}

func (e *encoder) pad(to int) {
	for len(e.data)%to != 0 {
		e.data = append(e.data, 0)
	}
}

func (e *encoder) fail(why string) {
	if e.err == nil {
		e.err = fault.Text(why)
	}
}

// values appends one value for each type of the signature.
func (e *encoder) values(signature string, values ...any) {
	for _, v := range values {
		kind, rest, ok := FirstType(signature)
		if !ok {
			e.fail("more values than types")
			return
		}
		e.value(kind, v)
		signature = rest
	}
	if signature != "" {
		e.fail("fewer values than types")
	}
}

// value appends a value of one complete type.
func (e *encoder) value(kind string, v any) {
	e.pad(alignment(kind[0]))
	ok := true
	switch kind[0] {
	case 'y':
		var n byte
		n, ok = v.(byte)
		e.data = append(e.data, n)
	case 'b':
		var set bool
		set, ok = v.(bool)
		e.data = binary.LittleEndian.AppendUint32(e.data, map[bool]uint32{true: 1}[set])
	case 's', 'o', 'g':
		var s string
		s, ok = v.(string)
		e.text(kind[0], s)
	case 'v':
		var inner Value
		inner, ok = v.(Value)
		if ok {
			e.variant(inner)
		}
	case 'a':
		ok = e.array(kind[1:], v)
	case '(', '{':
		var fields []any
		fields, ok = v.([]any)
		e.values(kind[1:len(kind)-1], fields...)
	default:
		ok = e.number(kind[0], v)
	}
	if !ok {
		e.fail("value is not of type " + kind)
	}
}

func (e *encoder) number(kind byte, v any) bool {
	switch n := v.(type) {
	case int16:
		e.data = binary.LittleEndian.AppendUint16(e.data, uint16(n))
		return kind == 'n'
	case uint16:
		e.data = binary.LittleEndian.AppendUint16(e.data, n)
		return kind == 'q'
	case int32:
		e.data = binary.LittleEndian.AppendUint32(e.data, uint32(n))
		return kind == 'i'
	case uint32:
		e.data = binary.LittleEndian.AppendUint32(e.data, n)
		return kind == 'u'
	case int64:
		e.data = binary.LittleEndian.AppendUint64(e.data, uint64(n))
		return kind == 'x'
	case uint64:
		e.data = binary.LittleEndian.AppendUint64(e.data, n)
		return kind == 't'
	case float64:
		e.data = binary.LittleEndian.AppendUint64(e.data, math.Float64bits(n))
		return kind == 'd'
	}
	return false
}

// text appends a string; a signature has a length of one byte.
func (e *encoder) text(kind byte, s string) {
	// The other side would end the conversation without a word.
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		e.fail("a text contains a zero byte, or is not UTF-8")
	}
	if kind == 'g' && !isSignature(s) {
		e.fail(strconv.Quote(s) + " is not a signature")
	}
	if kind == 'o' && !isObjectPath(s) {
		e.fail(strconv.Quote(s) + " is not an object path")
	}
	if kind == 'g' {
		if len(s) > math.MaxUint8 {
			e.fail("the type is too long")
			return
		}
		e.data = append(e.data, byte(len(s)))
	} else {
		e.data = binary.LittleEndian.AppendUint32(e.data, uint32(len(s)))
	}
	e.data = append(append(e.data, s...), 0)
}

// isObjectPath checks what the specification calls a valid object path.
func isObjectPath(s string) bool {
	if s == "/" {
		return true
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "/"), "/") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			return false
		}
	}
	return strings.HasPrefix(s, "/")
}

// isSignature says whether a text is a list of complete types.
func isSignature(s string) bool {
	for s != "" {
		_, rest, ok := FirstType(s)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

func (e *encoder) variant(v Value) {
	kind, rest, ok := FirstType(v.Signature)
	if !ok || rest != "" {
		e.fail("a variant has the type " + v.Signature)
		return
	}
	e.text('g', v.Signature)
	e.value(kind, v.V)
}

// array appends an array. Its length counts from the first element, after the padding.
func (e *encoder) array(element string, v any) bool {
	at := len(e.data)
	e.data = append(e.data, 0, 0, 0, 0)
	e.pad(alignment(element[0]))
	start := len(e.data)
	switch list := v.(type) {
	case []byte:
		if element != "y" {
			return false
		}
		e.data = append(e.data, list...)
	case []any:
		for _, item := range list {
			e.value(element, item)
		}
	default:
		return false
	}
	binary.LittleEndian.PutUint32(e.data[at:], uint32(len(e.data)-start))
	return true
}
