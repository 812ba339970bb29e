package devicefilter

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// V1Line is one write to a control file of the cgroup v1 controller "devices", which knows one verdict on everything and a
// list of exceptions from it.
type V1Line struct {
	File  string // "devices.allow" or "devices.deny"
	Value string
}

// V1 returns the writes that give a devices cgroup of v1 this policy, whatever it had before (H14, H24). Until the last of
// them is made, less is allowed.
func (p Policy) V1() ([]V1Line, error) {
	exceptions, err := p.v1Exceptions()
	if err != nil {
		return nil, err
	}
	except, restore := p.v1Files()
	lines := []V1Line{{restore, string(AnyType)}}
	for _, rule := range exceptions {
		lines = append(lines, V1Line{except, rule.v1()})
	}
	return lines, nil
}

// V1From returns the writes that lead from one policy to this one without a moment in which something is denied that both
// allow (H24): first comes what is to be allowed, then what is to be denied. list is the content of devices.list. There is
// no such way between policies with different verdicts on the rest; seamless says whether there is one.
func (p Policy) V1From(from Policy, list string) (lines []V1Line, seamless bool, err error) {
	from, p = from.Simplify(), p.Simplify()
	allowsRest := strings.HasPrefix(list, string(AnyType)) // the kernel hides the exceptions then
	if p.Allow != allowsRest || p.Allow && !from.Allow {
		lines, err = p.V1()
		return lines, false, err
	}
	old := parseV1(list)
	if p.Allow {
		if old, err = from.v1Exceptions(); err != nil {
			return nil, false, err
		}
	}
	exceptions, err := p.v1Exceptions()
	if err != nil {
		return nil, false, err
	}
	except, restore := p.v1Files()
	added, gone := v1Lines(except, without(exceptions, old)), v1Lines(restore, without(old, exceptions))
	if p.Allow { // exceptions are what is denied
		return append(gone, added...), true, nil
	}
	return append(added, gone...), true, nil
}

// v1Files returns the file that takes exceptions and the one that takes them back.
func (p Policy) v1Files() (except, restore string) {
	if p.Simplify().Allow {
		return "devices.deny", "devices.allow"
	}
	return "devices.allow", "devices.deny"
}

// v1Exceptions returns the rules that the v1 controller has to hold beside the verdict on everything. It takes an exception
// back only if type and numbers are those it was added with. A rule that would take back a part of an exception is an error:
// the kernel would ignore the write. See Documentation/admin-guide/cgroup-v1/devices.rst.
func (p Policy) v1Exceptions() ([]Rule, error) {
	p = p.Simplify()
	var exceptions []Rule
	for _, rule := range p.splitTypes() {
		if rule.Allow != p.Allow {
			exceptions = append(exceptions, rule)
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
			exceptions[i].Access &^= rule.Access
		}
	}
	return slices.DeleteFunc(exceptions, func(r Rule) bool { return r.Access == 0 }), nil
}

// without returns what a list of exceptions allows or denies beyond another one, exception by exception.
func without(list, other []Rule) (rest []Rule) {
	for _, rule := range list {
		for _, o := range other {
			if rule.Type == o.Type && rule.Major == o.Major && rule.Minor == o.Minor {
				rule.Access &^= o.Access
			}
		}
		if rule.Access != 0 {
			rest = append(rest, rule)
		}
	}
	return rest
}

func v1Lines(file string, rules []Rule) (lines []V1Line) {
	for _, rule := range rules {
		lines = append(lines, V1Line{file, rule.v1()})
	}
	return lines
}

// parseV1 reads devices.list: lines of the form "c 1:3 rwm". What the kernel does not write is left out.
func parseV1(list string) (rules []Rule) {
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) != 3 || len(fields[0]) != 1 {
			continue
		}
		rule := Rule{Type: fields[0][0]}
		major, minor, _ := strings.Cut(fields[1], ":")
		rule.Major, rule.Minor = v1Number(major), v1Number(minor)
		for _, letter := range fields[2] {
			rule.Access |= 1 << strings.IndexRune("mrw", letter)
		}
		rules = append(rules, rule)
	}
	return rules
}

func v1Number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Any // "*"
	}
	return n
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
