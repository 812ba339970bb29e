package wire

import (
	"encoding/binary"
	"reflect"

	"github.com/tare-run/tare/libcontainer/step"
)

// EncodePlan writes init's steps one after the other: pointer, kind, fields.
func EncodePlan(entries []step.Entry) []byte {
	b := make([]byte, 0, 8192)
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(len(e.Pointer)))
		b = append(b, e.Pointer...)
		b = binary.AppendUvarint(b, kindOf(e.Step))
		b = appendValue(b, reflect.ValueOf(e.Step).Elem())
	}
	return b
}

// DecodePlan reads what EncodePlan wrote.
func DecodePlan(b []byte) ([]step.Entry, error) {
	entries := make([]step.Entry, 0, 64)
	d := decoder{rest: b}
	for len(d.rest) > 0 {
		pointer := string(d.bytes())
		kind := d.uvarint()
		if d.bad || kind >= uint64(len(step.Kinds)) {
			return nil, errMalformed
		}
		v := reflect.New(reflect.TypeOf(step.Kinds[kind]).Elem())
		d.value(v.Elem())
		if d.bad {
			return nil, errMalformed
		}
		entries = append(entries, step.Entry{Pointer: pointer, Step: v.Interface().(step.Step)})
	}
	return entries, nil
}

func kindOf(s step.Step) uint64 {
	t := reflect.TypeOf(s)
	for i, k := range step.Kinds {
		if reflect.TypeOf(k) == t {
			return uint64(i)
		}
	}
	panic("wire: step kind missing in step.Kinds: " + s.StepName()) // a test walks every kind
}
