package systemd

import (
	"math"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// infer tells the type of a node, "" if it cannot be told.
func (n *node) infer() string {
	if n.typed != "" {
		return n.typed
	}
	switch n.kind {
	case 't':
		return "b"
	case 's':
		return "s"
	case 'b':
		return "ay"
	case '<':
		return "v"
	case 'n':
		if strings.ContainsAny(n.text, ".") {
			return "d"
		}
		return "i"
	case '[':
		if element := inferFirst(n.items, 0, 1); element != "" {
			return "a" + element
		}
	case '{':
		key, value := inferFirst(n.items, 0, 2), inferFirst(n.items, 1, 2)
		if key != "" && value != "" {
			return "a{" + key + value + "}"
		}
	case '(':
		signature := ""
		for i := range n.items {
			member := n.items[i].infer()
			if member == "" {
				return ""
			}
			signature += member
		}
		if signature != "" {
			return "(" + signature + ")"
		}
	}
	return ""
}

// inferFirst tells the type that the elements from start on share: one that is written out decides.
func inferFirst(items []node, start, step int) (signature string) {
	for i := start; i < len(items); i += step {
		if items[i].typed != "" {
			return items[i].typed
		}
		if signature == "" {
			signature = items[i].infer()
		}
	}
	return signature
}

// as makes the value, of this type.
func (n *node) as(signature string) (any, error) {
	wrong := fault.Text("a value is not of type " + strconv.Quote(signature))
	if signature == "" || n.typed != "" && n.typed != signature {
		return nil, wrong
	}
	switch {
	case signature == "v":
		inner := *n
		if n.kind == '<' {
			inner = n.items[0]
		}
		inner.typed = strings.TrimPrefix(inner.typed, "v")
		kind := inner.infer()
		v, err := inner.as(kind)
		return bus.Value{Signature: kind, V: v}, err
	case signature == "ay" && n.kind == 'b':
		return append([]byte(n.text), 0), nil
	case n.kind == 't' && signature == "b":
		return n.text == "true", nil
	case n.kind == 's' && strings.Contains("sog", signature):
		return n.text, nil
	case n.kind == 'n':
		return number(n.text, signature)
	case n.kind == '[' && signature[0] == 'a' && signature[1:] != "":
		return n.array(signature[1:])
	case n.kind == '{' && strings.HasPrefix(signature, "a{"):
		return n.dictionary(signature[2 : len(signature)-1])
	case n.kind == '(' && signature[0] == '(':
		return asEach(n.items, signature[1:len(signature)-1])
	}
	return nil, wrong
}

func (n *node) array(element string) (any, error) {
	list := []any{}
	bytes := []byte{}
	for i := range n.items {
		v, err := n.items[i].as(element)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if b, ok := v.(byte); ok {
			bytes = append(bytes, b)
		}
	}
	if element == "y" {
		return bytes, nil
	}
	return list, nil
}

func (n *node) dictionary(pair string) (any, error) {
	list := []any{}
	for i := 0; i+1 < len(n.items); i += 2 {
		entry, err := asEach(n.items[i:i+2], pair)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	return list, nil
}

// asEach makes one value for each type of the signature.
func asEach(items []node, signature string) (any, error) {
	list := []any{}
	for i := range items {
		kind, rest, ok := bus.FirstType(signature)
		if !ok {
			return nil, fault.Text("a value is more than its type has room for")
		}
		v, err := items[i].as(kind)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		signature = rest
	}
	if signature != "" {
		return nil, fault.Text("a value is missing for the type " + strconv.Quote(signature))
	}
	return list, nil
}

// number makes a number of a type.
func number(text, signature string) (any, error) {
	text = strings.TrimPrefix(text, "+")
	signed := func(bits int) (int64, error) { return strconv.ParseInt(text, 0, bits) }
	unsigned := func(bits int) (uint64, error) { return strconv.ParseUint(text, 0, bits) }
	var v any
	var err error
	switch signature {
	case "y":
		var n uint64
		n, err = unsigned(8)
		v = byte(n)
	case "n":
		var n int64
		n, err = signed(16)
		v = int16(n)
	case "q":
		var n uint64
		n, err = unsigned(16)
		v = uint16(n)
	case "i":
		var n int64
		n, err = signed(32)
		v = int32(n)
	case "u":
		var n uint64
		n, err = unsigned(32)
		v = uint32(n)
	case "x":
		v, err = signed(64)
	case "t":
		v, err = unsigned(64)
	case "d":
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			err = strconv.ErrRange
		}
		v = f
	default:
		err = strconv.ErrSyntax
	}
	if err != nil {
		return nil, fault.Text(text + " is not a number of type " + strconv.Quote(signature))
	}
	return v, nil
}
