package bus

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/tare-run/tare/internal/fault"
)

// errMalformed is every violation of the format: what exactly a broken peer did wrong helps nobody.
var errMalformed = fault.Text("sent a malformed message")

// decoder takes values off data; the first problem sticks in err.
type decoder struct {
	data []byte
	at   int
	err  error
}

func (d *decoder) fail() { d.err = errMalformed }

// take returns the next n bytes, nil after an error.
func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.data)-d.at {
		d.fail()
		return nil
	}
	b := d.data[d.at : d.at+n]
	d.at += n
	return b
}

func (d *decoder) pad(to int) {
	if rest := d.at % to; rest != 0 {
		d.take(to - rest)
	}
}

func (d *decoder) uint32() uint32 {
	d.pad(4)
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	d.pad(8)
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// values takes one value for each type of the signature.
func (d *decoder) values(signature string) (list []any) {
	for signature != "" && d.err == nil {
		kind, rest, ok := FirstType(signature)
		if !ok {
			d.fail()
			return nil
		}
		list = append(list, d.value(kind, 0))
		signature = rest
	}
	return list
}

func (d *decoder) value(kind string, depth int) any {
	if depth > maxDepth {
		d.fail()
	}
	if d.err != nil {
		return nil
	}
	d.pad(alignment(kind[0]))
	switch kind[0] {
	case 'y':
		if b := d.take(1); b != nil {
			return b[0]
		}
	case 'b':
		n := d.uint32()
		if n > 1 {
			d.fail()
		}
		return n == 1
	case 'n', 'q':
		if b := d.take(2); b != nil {
			if kind[0] == 'n' {
				return int16(binary.LittleEndian.Uint16(b))
			}
			return binary.LittleEndian.Uint16(b)
		}
	case 'i':
		return int32(d.uint32())
	case 'u', 'h':
		return d.uint32()
	case 'x':
		return int64(d.uint64())
	case 't':
		return d.uint64()
	case 'd':
		return math.Float64frombits(d.uint64())
	case 's', 'o':
		return d.text(int(d.uint32()))
	case 'g':
		return d.signature()
	case 'v':
		inner := d.signature()
		single, rest, ok := FirstType(inner)
		if !ok || rest != "" {
			d.fail()
			return nil
		}
		return Value{inner, d.value(single, depth+1)}
	case 'a':
		return d.array(kind[1:], depth)
	case '(', '{':
		return d.fields(kind[1:len(kind)-1], depth)
	}
	return nil
}

func (d *decoder) fields(signature string, depth int) (list []any) {
	for signature != "" && d.err == nil {
		kind, rest, _ := FirstType(signature) // a part of a type that was checked
		list = append(list, d.value(kind, depth+1))
		signature = rest
	}
	return list
}

func (d *decoder) signature() string {
	if b := d.take(1); b != nil {
		return d.text(int(b[0]))
	}
	return ""
}

// text takes n bytes and the zero byte behind them.
func (d *decoder) text(n int) string {
	b := d.take(n + 1)
	if b == nil {
		return ""
	}
	if b[n] != 0 || !utf8.Valid(b[:n]) {
		d.fail()
	}
	return string(b[:n])
}

func (d *decoder) array(element string, depth int) any {
	n := d.uint32()
	d.pad(alignment(element[0]))
	if d.err != nil || uint64(n) > uint64(len(d.data)-d.at) {
		d.fail()
		return nil
	}
	end := d.at + int(n)
	if element == "y" {
		return append([]byte(nil), d.take(int(n))...)
	}
	list := []any{}
	for d.at < end && d.err == nil {
		before := d.at
		list = append(list, d.value(element, depth+1))
		if d.at == before { // no type is empty
			d.fail()
		}
	}
	if d.at != end {
		d.fail()
	}
	return list
}
