package systemd

import (
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
