package bus

import "strings"

// Value is what a variant holds. V is, by the first letter of the signature:
//
//	y byte   b bool   n int16   q uint16   i int32   u uint32   x int64   t uint64   d float64
//	s o g string   v Value   ay []byte   a ( { []any, an element each
type Value struct {
	Signature string
	V         any
}

// FirstType splits the first complete type off a signature; ok is false where there is none.
func FirstType(signature string) (first, rest string, ok bool) {
	end := typeEnd(signature, 0)
	if end <= 0 {
		return "", "", false
	}
	return signature[:end], signature[end:], true
}

// typeEnd returns how long the first complete type is, 0 where it is malformed.
func typeEnd(signature string, depth int) int {
	if signature == "" || depth > maxDepth {
		return 0
	}
	switch c := signature[0]; c {
	case 'y', 'b', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'v', 'h':
		return 1
	case 'a':
		if len(signature) > 1 && signature[1] == '{' {
			if end := entryEnd(signature[1:], depth+1); end > 0 {
				return 1 + end
			}
			return 0
		}
		if end := typeEnd(signature[1:], depth+1); end > 0 {
			return 1 + end
		}
	case '(':
		for at := 1; at < len(signature); {
			if signature[at] == ')' && at > 1 { // an empty struct is not a type
				return at + 1
			}
			end := typeEnd(signature[at:], depth+1)
			if end == 0 {
				return 0
			}
			at += end
		}
	}
	return 0
}

// entryEnd returns how long a dictionary's entry is: a key of a basic type, and a value.
func entryEnd(signature string, depth int) int {
	if len(signature) < 4 || strings.IndexByte("ybnqiuxtdsog", signature[1]) < 0 {
		return 0
	}
	end := 2 + typeEnd(signature[2:], depth+1)
	if end == 2 || end >= len(signature) || signature[end] != '}' {
		return 0
	}
	return end + 1
}

// maxDepth bounds the nesting of types and variants; the specification allows 64.
const maxDepth = 32

// alignment of a type, by its first letter.
func alignment(kind byte) int {
	switch kind {
	case 'n', 'q':
		return 2
	case 'b', 'i', 'u', 's', 'o', 'a', 'h':
		return 4
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 1 // y g v
}
