package assemble

import (
	"strconv"

	"github.com/cilium/ebpf/asm"

	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// builder collects instructions and labels. Whatever is emitted between a label's creation and its mark has at least one
// instruction, and nested groups that end at the same place share one label, so no instruction ever needs two.
type builder struct {
	out        asm.Instructions
	pending    string
	labels     int
	referenced map[string]bool
	manyRules  bool
}

// unlessEqual jumps to end if a register holds another value.
//
// The verifier follows both ways of each jump, and stops where it comes in a state that it has been in. After a comparison
// of the register itself it knows the number on one way, walks with that through all rules that follow, and gives up after
// a million steps (E2BIG): a thousand rules. From the comparison of a copy that has been changed it learns nothing, and
// its steps grow with the rules instead of with their square.
func (b *builder) unlessEqual(reg asm.Register, value int32, end string) {
	if !b.manyRules {
		b.emit(asm.JNE.Imm32(reg, value, end))
		return
	}
	b.emit(asm.Mov.Reg32(asm.R0, reg), asm.Xor.Imm32(asm.R0, value), asm.JNE.Imm32(asm.R0, 0, end))
}

// ifEqual jumps to verdict if a register holds the value. Otherwise the program goes on at end, which is what follows. Of
// many rules each leaves by a jump of its own: the verifier can remember 8192 ways that it has still to go.
func (b *builder) ifEqual(reg asm.Register, value int32, verdict, end string) {
	if !b.manyRules {
		b.emit(asm.JEq.Imm32(reg, value, verdict))
		return
	}
	b.unlessEqual(reg, value, end)
	b.emit(asm.Ja.Label(verdict))
}

func (b *builder) emit(instructions ...asm.Instruction) {
	for _, ins := range instructions {
		if b.pending != "" {
			ins = ins.WithSymbol(b.pending)
			b.pending = ""
		}
		b.referenced[ins.Reference()] = true
		b.out = append(b.out, ins)
	}
}

func (b *builder) label() string {
	b.labels++
	return "next" + strconv.Itoa(b.labels)
}

// mark puts a label on the next instruction.
func (b *builder) mark(label string) { b.pending = label }

// verdict emits one of the two ways out of the program.
func (b *builder) verdict(label string) {
	result := int32(0)
	if label == labelAllow {
		result = 1
	}
	b.pending = label
	b.emit(asm.Mov.Imm32(asm.R0, result), asm.Return())
}

// run emits the tests of one run of rules, grouped by type. A rule that does not match goes on at end.
func (b *builder) run(rules []devicefilter.Rule, end string) {
	groups(rules, func(r devicefilter.Rule) int64 { return int64(r.Type) }, func(group []devicefilter.Rule, last bool) {
		next := end
		if !last {
			next = b.label()
		}
		b.typeGroup(group, next)
		if !last {
			b.mark(next)
		}
	})
}

func (b *builder) typeGroup(rules []devicefilter.Rule, end string) {
	if kernelType := kernelTypeOf(rules[0].Type); kernelType != 0 {
		if rules[0].IsFullWildcard() {
			b.ifEqual(regType, kernelType, target(rules[0]), end) // covers, hence is, the whole group
			return
		}
		b.unlessEqual(regType, kernelType, end)
	}
	groups(rules, func(r devicefilter.Rule) int64 { return r.Major }, func(group []devicefilter.Rule, last bool) {
		next := end
		if !last {
			next = b.label()
		}
		b.majorGroup(group, next)
		if !last {
			b.mark(next)
		}
	})
}

func (b *builder) majorGroup(rules []devicefilter.Rule, end string) {
	if major := rules[0].Major; major != devicefilter.Any {
		if rules[0].Minor == devicefilter.Any && rules[0].Access == devicefilter.FullAccess {
			b.ifEqual(regMajor, int32(major), target(rules[0]), end) // covers, hence is, the whole group
			return
		}
		b.unlessEqual(regMajor, int32(major), end)
	}
	for i, rule := range rules {
		next := end
		if i < len(rules)-1 {
			next = b.label()
		}
		b.minor(rule, next)
		if next != end {
			b.mark(next)
		}
	}
}

func (b *builder) minor(rule devicefilter.Rule, end string) {
	if rule.Access == devicefilter.FullAccess {
		b.ifEqual(regMinor, int32(rule.Minor), target(rule), end)
		return
	}
	if rule.Minor != devicefilter.Any {
		b.unlessEqual(regMinor, int32(rule.Minor), end)
	}
	if !rule.Allow {
		b.emit(asm.JSet.Imm32(regAccess, int32(rule.Access), labelDeny))
		return
	}
	b.emit(
		asm.And.Imm32(regAccess, int32(devicefilter.FullAccess&^rule.Access)),
		asm.JEq.Imm32(regAccess, 0, labelAllow),
	)
}

// groups calls f for each stretch of sorted rules that share a key.
func groups(rules []devicefilter.Rule, key func(devicefilter.Rule) int64, f func(group []devicefilter.Rule, last bool)) {
	for start := 0; start < len(rules); {
		end := start + 1
		for end < len(rules) && key(rules[end]) == key(rules[start]) {
			end++
		}
		f(rules[start:end], end == len(rules))
		start = end
	}
}

func target(rule devicefilter.Rule) string {
	if rule.Allow {
		return labelAllow
	}
	return labelDeny
}

func kernelTypeOf(typ byte) int32 {
	switch typ {
	case devicefilter.BlockType:
		return kernelBlock
	case devicefilter.CharType:
		return kernelChar
	}
	return 0 // any
}
