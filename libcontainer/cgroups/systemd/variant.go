package systemd

import (
	"math"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// parseVariant reads a value in the text form of GVariant (GLib, "GVariant Text Format"), as the annotations have it:
//
//	true   'text'   5   uint64 5   [1, 2]   @as []   ('a', uint32 3)   <'text'>   {'key': 'value'}   b'bytes'
//
// A number without a type is an int32, or a double with a point in it. D-Bus has no maybe types, so there are none here.
func parseVariant(text string) (bus.Value, error) {
	p := &variantParser{rest: text}
	n := p.node(0)
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("something follows the value")
	}
	if p.err != nil {
		return bus.Value{}, p.err
	}
	signature := n.infer()
	if signature == "" {
		return bus.Value{}, fault.Text("its type cannot be told; put it in front, such as @as []")
	}
	v, err := n.as(signature)
	return bus.Value{Signature: signature, V: v}, err
}

// node is a value before its type is known.
type node struct {
	kind  byte   // n number, s string, t truth, b bytes; [ ( { < with items
	text  string // of n, s, t, b
	items []node
	typed string // the type that was written in front
}

// maxNesting bounds the depth of a value.
const maxNesting = 16

type variantParser struct {
	rest string
	err  error
}

func (p *variantParser) fail(why string) {
	if p.err == nil {
		p.err = fault.Text(why)
	}
}

func (p *variantParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// accept takes a character if it comes next.
func (p *variantParser) accept(c byte) bool {
	p.space()
	if p.err == nil && p.rest != "" && p.rest[0] == c {
		p.rest = p.rest[1:]
		return true
	}
	return false
}

// keywords are the types that have a name.
func keyword(word string) string {
	switch word {
	case "boolean":
		return "b"
	case "byte":
		return "y"
	case "int16":
		return "n"
	case "uint16":
		return "q"
	case "int32":
		return "i"
	case "uint32":
		return "u"
	case "int64":
		return "x"
	case "uint64":
		return "t"
	case "double":
		return "d"
	case "string":
		return "s"
	case "objectpath":
		return "o"
	case "signature":
		return "g"
	}
	return ""
}

func (p *variantParser) node(depth int) node {
	p.space()
	if depth > maxNesting {
		p.fail("it is nested too deeply")
	}
	if p.err != nil || p.rest == "" {
		p.fail("a value is missing")
		return node{}
	}
	switch c := p.rest[0]; {
	case c == '@':
		p.rest = p.rest[1:]
		typed := p.word("(){}")
		if _, rest, ok := bus.FirstType(typed); !ok || rest != "" {
			p.fail(strconv.Quote("@"+typed) + " is not a type")
		}
		return p.typedNode(typed, depth)
	case c == '\'' || c == '"':
		return node{kind: 's', text: p.quoted()}
	case strings.HasPrefix(p.rest, "b'") || strings.HasPrefix(p.rest, `b"`):
		p.rest = p.rest[1:]
		return node{kind: 'b', text: p.quoted()}
	case c == '[' || c == '(' || c == '{' || c == '<':
		p.rest = p.rest[1:]
		return node{kind: c, items: p.items(c, depth)}
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return node{kind: 'n', text: p.word("+-.")}
	}
	word := p.word("")
	if word == "true" || word == "false" {
		return node{kind: 't', text: word}
	}
	typed := keyword(word)
	if typed == "" {
		p.fail(strconv.Quote(word) + " is neither a value nor a type; texts stand in quotes")
		return node{}
	}
	return p.typedNode(typed, depth)
}

// typedNode takes the value behind a type.
func (p *variantParser) typedNode(typed string, depth int) node {
	n := p.node(depth + 1)
	if n.typed != "" {
		p.fail("it has two types")
	}
	n.typed = typed
	return n
}

// word takes letters, digits and the other characters given.
func (p *variantParser) word(others string) string {
	end := 0
	for end < len(p.rest) {
		c := p.rest[end]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			break
		}
		end++
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// items takes what is in brackets. In braces keys and values alternate.
func (p *variantParser) items(open byte, depth int) (items []node) {
	closing := map[byte]byte{'[': ']', '(': ')', '{': '}', '<': '>'}[open]
	for p.err == nil && !p.accept(closing) {
		if len(items) > 0 && !p.accept(',') {
			p.fail("a comma or " + string(closing) + " is missing")
			return nil
		}
		if len(items) > 0 && p.accept(closing) { // the comma of a tuple with one member
			break
		}
		items = append(items, p.node(depth+1))
		if open == '{' {
			if !p.accept(':') {
				p.fail("a colon is missing")
			}
			items = append(items, p.node(depth+1))
		}
	}
	if open == '<' && len(items) != 1 {
		p.fail("a variant holds one value")
	}
	return items
}

// quoted takes a text in quotes, with the escapes of C.
func (p *variantParser) quoted() string {
	quote := p.rest[0]
	var b strings.Builder
	for rest := p.rest[1:]; rest != ""; {
		if rest[0] == quote {
			p.rest = rest[1:]
			return b.String()
		}
		if rest[0] == '\\' && len(rest) > 1 && (rest[1] == '\'' || rest[1] == '"') {
			b.WriteByte(rest[1])
			rest = rest[2:]
			continue
		}
		c, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			break
		}
		if multibyte {
			b.WriteRune(c)
		} else {
			b.WriteByte(byte(c))
		}
		rest = tail
	}
	p.fail("a text has no end, or a wrong escape in it")
	return ""
}

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
