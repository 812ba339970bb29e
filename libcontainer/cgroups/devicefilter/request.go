package devicefilter

import (
	"encoding/binary"
	"encoding/json"

	"github.com/tare-run/tare/internal/fault"
)

// Kind is what programs of this kind are called between this binary and its helper (internal/helper).
const Kind = "devices"

// InstructionSize is the size of a struct bpf_insn (linux/bpf.h).
const InstructionSize = 8

// MaxInstructions keeps every jump of a program inside its signed 16-bit offset.
const MaxInstructions = 1<<15 - 1

// Request is the policy as the helper reads it.
func (p Policy) Request() ([]byte, error) { return json.Marshal(p) }

// ParseRequest reads what Request wrote.
func ParseRequest(text []byte) (p Policy, err error) {
	if err := json.Unmarshal(text, &p); err != nil {
		return p, &fault.Error{Op: "read device rules", Err: err}
	}
	return p, nil
}

// Key is everything that determines the policy's program, in a form that no policy of another meaning has: numbers that end
// where they end, in a fixed order. Policies that differ only in rules which never decide have one key.
func (p Policy) Key() []byte {
	p = p.Simplify()
	key := make([]byte, 0, 1+8*len(p.Rules))
	key = append(key, verdictByte(p.Allow))
	for _, r := range p.Rules {
		key = append(key, verdictByte(r.Allow), r.Type, r.Access)
		key = binary.AppendVarint(key, r.Major)
		key = binary.AppendVarint(key, r.Minor)
	}
	return key
}

func verdictByte(allow bool) byte {
	if allow {
		return 1
	}
	return 0
}

// ValidProgram says whether code has the form of a program: whole instructions, not too many.
func ValidProgram(code []byte) bool {
	return len(code) > 0 && len(code)%InstructionSize == 0 && len(code) <= MaxInstructions*InstructionSize
}
