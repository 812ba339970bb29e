package devicefilter

import (
	"github.com/tare-run/tare/internal/fault"
)

// V1Line is one write to a control file of the cgroup v1 controller "devices".
type V1Line struct {
	File  string // "devices.allow" or "devices.deny"
	Value string
}

// V1 returns the writes that give a devices cgroup of v1 this policy, whatever it had before (H14, H24).
//
// The v1 controller knows one verdict on everything and a list of exceptions from it, and it takes an exception back only
// if type and numbers are those it was added with. A rule that would take back a part of an exception is an error here:
// the kernel would ignore the write. See Documentation/admin-guide/cgroup-v1/devices.rst.
func (p Policy) V1() ([]V1Line, error) {
	p = p.Simplify()
	except, restore := "devices.allow", "devices.deny"
	if p.Allow {
		except, restore = restore, except
	}
	lines := []V1Line{{restore, string(AnyType)}}
	var exceptions []Rule
	for _, rule := range p.splitTypes() {
		if rule.Allow != p.Allow {
			exceptions = append(exceptions, rule)
			lines = append(lines, V1Line{except, rule.v1()})
			continue
		}
		for i, exception := range exceptions {
			if !rule.overlaps(exception) {
				continue
			}
			back := exception
			back.Access &= rule.Access
			if !rule.covers(back) {
				return nil, holeError(rule, exception)
			}
			lines = append(lines, V1Line{restore, back.v1()})
			exceptions[i].Access &^= rule.Access
		}
	}
	return lines, nil
}

// splitTypes replaces rules for any type by one rule for each: in v1 the type "a" ignores numbers and access.
func (p Policy) splitTypes() []Rule {
	rules := make([]Rule, 0, len(p.Rules)+1)
	for _, rule := range p.Rules {
		if rule.Type != AnyType {
			rules = append(rules, rule)
			continue
		}
		for _, typ := range [...]byte{BlockType, CharType} {
			rule.Type = typ
			rules = append(rules, rule)
		}
	}
	return rules
}

func holeError(rule, exception Rule) error {
	return &fault.Error{
		Op:      "device rule",
		Pointer: fault.Ptr("linux", "resources", "devices"),
		Path:    rule.v1(),
		Err:     fault.ErrNotSupported,
		Hint:    "cgroup v1 cannot except it from " + exception.v1() + "; mount cgroup v2 or use narrower rules",
	}
}

// v1 spells the rule as the control files want it: "c 136:* rwm".
func (r Rule) v1() string {
	number := func(n int64) string {
		if n == Any {
			return "*"
		}
		return decimal(n)
	}
	line := string(r.Type) + " " + number(r.Major) + ":" + number(r.Minor) + " "
	for _, kind := range [...]struct {
		bit    uint8
		letter string
	}{{Read, "r"}, {Write, "w"}, {Mknod, "m"}} {
		if r.Access&kind.bit != 0 {
			line += kind.letter
		}
	}
	return line
}
