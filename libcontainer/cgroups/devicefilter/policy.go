package devicefilter

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Policy is a list of rules in normal form: no rule resets the ones before it, and the default devices are in.
type Policy struct {
	Allow bool   // the verdict on what no rule mentions
	Rules []Rule // in order; the last that mentions a kind of access decides on it
}

// FromSpec returns the policy that the entries of /linux/resources/devices ask for; see the package comment.
func FromSpec(entries []specs.LinuxDeviceCgroup) (Policy, error) {
	var p Policy
	rules := make([]Rule, 0, len(entries))
	for i, entry := range entries {
		rule, err := parseRule(i, entry)
		if err != nil {
			return Policy{}, err
		}
		if rule.isReset() {
			p.Allow, rules = rule.Allow, rules[:0]
			continue
		}
		rules = append(rules, rule)
	}
	if p.Allow {
		p.Rules = rules
	} else {
		p.Rules = append(DefaultRules(), rules...)
	}
	return p, nil
}

// Unrestricted reports whether everything is allowed, so that no filter is needed.
func (p Policy) Unrestricted() bool {
	p = p.Simplify()
	return p.Allow && len(p.Rules) == 0
}

// Allows reports whether a process may access a device in all the ways that access holds, which is at least one. It is
// the meaning of a policy, written as plainly as possible; the program is tested against it.
func (p Policy) Allows(typ byte, major, minor uint32, access uint8) bool {
	for bit := uint8(1); bit <= FullAccess; bit <<= 1 {
		if access&bit != 0 && !p.allowsBit(typ, major, minor, bit) {
			return false
		}
	}
	return true
}

func (p Policy) allowsBit(typ byte, major, minor uint32, bit uint8) bool {
	for _, rule := range slices.Backward(p.Rules) {
		if rule.Access&bit != 0 && rule.matches(typ, major, minor) {
			return rule.Allow
		}
	}
	return p.Allow
}

// Simplify returns a policy of the same meaning that has no rule which can never decide: whatever precedes a rule on
// everything, and leading rules that repeat the verdict on the rest.
func (p Policy) Simplify() Policy {
	rules := p.Rules
	for i, rule := range slices.Backward(rules) {
		if rule.isReset() {
			p.Allow, rules = rule.Allow, rules[i+1:]
			break
		}
	}
	for len(rules) > 0 && rules[0].Allow == p.Allow {
		rules = rules[1:]
	}
	p.Rules = rules
	return p
}

// Runs splits the rules into the longest stretches of one verdict. The order inside a run does not matter, which is what
// lets a run be sorted and share comparisons.
func (p Policy) Runs() [][]Rule {
	var runs [][]Rule
	for start := 0; start < len(p.Rules); {
		end := start + 1
		for end < len(p.Rules) && p.Rules[end].Allow == p.Rules[start].Allow {
			end++
		}
		runs = append(runs, compact(p.Rules[start:end]))
		start = end
	}
	return runs
}

// compact returns the rules of one run sorted by type and numbers, wildcards first, without those that another one covers.
func compact(run []Rule) []Rule {
	kept := make([]Rule, 0, len(run))
	for i, rule := range run {
		covered := slices.ContainsFunc(run[:i], func(o Rule) bool { return o.covers(rule) }) ||
			slices.ContainsFunc(run[i+1:], func(o Rule) bool { return o.covers(rule) && !rule.covers(o) })
		if !covered {
			kept = append(kept, rule)
		}
	}
	slices.SortFunc(kept, compareRules)
	return kept
}

func compareRules(a, b Rule) int {
	for _, d := range [...]int64{
		int64(a.Type) - int64(b.Type), a.Major - b.Major, a.Minor - b.Minor, int64(a.Access) - int64(b.Access),
	} {
		if d != 0 {
			return int(d)
		}
	}
	return 0
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
