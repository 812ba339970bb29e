package assemble

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

const every = devicefilter.Any

func allow(typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: true, Type: typ, Major: &major, Minor: &minor, Access: access}
}

func deny(typ string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	rule := allow(typ, major, minor, access)
	rule.Allow = false
	return rule
}

func policy(t *testing.T, rules ...specs.LinuxDeviceCgroup) devicefilter.Policy {
	t.Helper()
	p, err := devicefilter.FromSpec(rules)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var update = flag.Bool("update", false, "rewrite the golden files")

// The text of the programs that nearly every container gets, so that a change of the generator shows in review.
func TestGoldenPrograms(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules []specs.LinuxDeviceCgroup
	}{
		{"defaults", []specs.LinuxDeviceCgroup{deny("a", every, every, "rwm")}},
		{"privileged", []specs.LinuxDeviceCgroup{allow("a", every, every, "rwm")}},
		{"holes", []specs.LinuxDeviceCgroup{
			deny("a", every, every, "rwm"), allow("b", 8, every, "rw"), allow("b", 8, 16, "m"), deny("b", 8, 1, "w"), deny("c", 1, 9, "rwm"),
		}},
		{"allow-but", []specs.LinuxDeviceCgroup{
			allow("a", every, every, "rwm"), deny("b", every, every, "rwm"), deny("c", 4, every, "rwm"), deny("c", every, 7, "r"),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := policy(t, tc.rules...)
			got := fmt.Sprintf("%v", instructions(p))
			file := "testdata/" + tc.name + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("program differs from %s (run with -update after checking):\n%s", file, got)
			}
		})
	}
}

// The program that each container loads must stay small.
func TestDefaultProgramIsShort(t *testing.T) {
	if n := len(instructions(policy(t, deny("a", every, every, "rwm")))); n > 26 {
		t.Errorf("%d instructions", n)
	}
}

func TestTooManyRules(t *testing.T) {
	var p devicefilter.Policy
	for i := range int64(1 << 12) {
		for minor := range int64(9) {
			p.Rules = append(p.Rules, devicefilter.Rule{Allow: minor%2 == 0, Type: devicefilter.CharType, Major: i, Minor: minor, Access: devicefilter.Read})
		}
	}
	if code, err := Program(p); err == nil {
		t.Errorf("a program of %d bytes has jumps that do not fit", len(code))
	}
}

// H11 to H17: for random lists of rules the program and the evaluator agree on every request.
func TestProgramMeansPolicy(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		p := randomPolicy(random)
		code, err := Program(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range allRequests() {
			want := p.Allows(r.typ, r.major, r.minor, r.access)
			got, err := interpret(code, r)
			if err != nil {
				t.Fatalf("%v\n%v", err, instructions(p))
			}
			if got != want {
				t.Fatalf("policy %+v\nrequest %c %d:%d %d: program says %v, policy %v\n%v",
					p, r.typ, r.major, r.minor, r.access, got, want, instructions(p))
			}
		}
	}
}

// randomPolicy uses few numbers, so that rules meet.
func randomPolicy(random *rand.Rand) devicefilter.Policy {
	p := devicefilter.Policy{Allow: random.IntN(2) == 0}
	if !p.Allow && random.IntN(3) == 0 {
		p.Rules = devicefilter.DefaultRules()
	}
	count := random.IntN(9)
	if random.IntN(8) == 0 {
		count += 2 * fewRules // another form of program
	}
	for range count {
		rule := devicefilter.Rule{
			Allow:  random.IntN(2) == 0,
			Type:   "abc"[random.IntN(3)],
			Major:  int64(random.IntN(4)) - 1,
			Minor:  int64(random.IntN(4)) - 1,
			Access: uint8(1 + random.IntN(devicefilter.FullAccess)),
		}
		if random.IntN(2) == 0 {
			rule.Access = devicefilter.FullAccess
		}
		p.Rules = append(p.Rules, rule)
	}
	return p
}

type request struct {
	typ          byte
	major, minor uint32
	access       uint8
}

func allRequests() (list []request) {
	for _, typ := range []byte{devicefilter.BlockType, devicefilter.CharType} {
		for major := range uint32(4) {
			for minor := range uint32(5) {
				for access := uint8(1); access <= devicefilter.FullAccess; access++ {
					list = append(list, request{typ, major, minor, access})
				}
			}
		}
	}
	return list
}

// interpret runs a program as the kernel would, as far as our instructions go; anything else is an error, and so is a
// jump backwards or out of the program.
func interpret(code []byte, r request) (allowed bool, err error) {
	var reg [11]uint32
	context := [3]uint32{uint32(r.access)<<16 | kernelBlock, r.major, r.minor}
	if r.typ == devicefilter.CharType {
		context[0] = uint32(r.access)<<16 | kernelChar
	}
	for pc := 0; pc < len(code)/asm.InstructionSize; pc++ {
		ins := code[pc*asm.InstructionSize:][:asm.InstructionSize]
		dst, src := ins[1]&0xf, ins[1]>>4
		offset := int16(binary.NativeEndian.Uint16(ins[2:]))
		value := binary.NativeEndian.Uint32(ins[4:])
		jump := false
		switch ins[0] {
		case 0x61: // ldxw
			reg[dst] = context[offset/4]
		case 0xbc: // mov32 reg
			reg[dst] = reg[src]
		case 0xb4: // mov32 imm
			reg[dst] = value
		case 0x74: // rsh32
			reg[dst] >>= value
		case 0xa4: // xor32
			reg[dst] ^= value
		case 0x05: // ja
			jump = true
		case 0x54: // and32
			reg[dst] &= value
		case 0x16: // jeq32
			jump = reg[dst] == value
		case 0x56: // jne32
			jump = reg[dst] != value
		case 0x46: // jset32
			jump = reg[dst]&value != 0
		case 0x95: // exit
			return reg[0] == 1, nil
		default:
			return false, fmt.Errorf("instruction %d: unexpected opcode %#x", pc, ins[0])
		}
		if jump {
			if offset < 0 {
				return false, fmt.Errorf("instruction %d jumps backwards", pc)
			}
			pc += int(offset)
		}
	}
	return false, fmt.Errorf("the program ends without exit")
}

// FuzzFromSpec: an entry is refused, or its policy becomes a program that runs to its end and means the same.
func FuzzFromSpec(f *testing.F) {
	f.Add("c", int64(1), int64(3), "rw", true)
	f.Add("", int64(-1), int64(-1), "rwm", false)
	f.Add("b", int64(1<<40), int64(0), "x", true)
	f.Fuzz(func(t *testing.T, typ string, major, minor int64, access string, allow bool) {
		p, err := devicefilter.FromSpec([]specs.LinuxDeviceCgroup{
			{Access: "rwm"},
			{Type: "c", Access: "r", Allow: true},
			{Type: typ, Major: &major, Minor: &minor, Access: access, Allow: allow},
		})
		if err != nil {
			return
		}
		code, err := Program(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range allRequests() {
			got, err := interpret(code, r)
			if want := p.Allows(r.typ, r.major, r.minor, r.access); err != nil || got != want {
				t.Fatalf("%+v: %v %v, want %v", r, got, err, want)
			}
		}
	})
}
