package devicefilter

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// v1Kernel imitates security/device_cgroup.c: one verdict, and exceptions that are added to and taken back from by exact
// type and numbers.
type v1Kernel struct {
	allow      bool
	exceptions []Rule
}

func (k *v1Kernel) write(t *testing.T, line V1Line) {
	t.Helper()
	allow := line.File == "devices.allow"
	if line.Value == "a" {
		*k = v1Kernel{allow: allow}
		return
	}
	rules := parseV1(line.Value)
	if len(rules) != 1 {
		t.Fatalf("line %q", line.Value)
	}
	for i := range k.exceptions {
		e := &k.exceptions[i]
		if e.Type != rules[0].Type || e.Major != rules[0].Major || e.Minor != rules[0].Minor {
			continue
		}
		if allow == k.allow {
			e.Access &^= rules[0].Access
		} else {
			e.Access |= rules[0].Access
		}
		return
	}
	if allow != k.allow {
		k.exceptions = append(k.exceptions, rules[0])
	}
}

func (k *v1Kernel) list() string {
	if k.allow {
		return "a *:* rwm\n"
	}
	var b strings.Builder
	for _, e := range k.exceptions {
		if e.Access != 0 {
			b.WriteString(e.v1() + "\n")
		}
	}
	return b.String()
}

// allows is match_exception and match_exception_partial: an exception that allows must cover the access, one that denies
// denies each of its kinds.
func (k *v1Kernel) allows(typ byte, major, minor uint32, access uint8) bool {
	for _, e := range k.exceptions {
		if !e.matches(typ, major, minor) || e.Access == 0 {
			continue
		}
		if k.allow && e.Access&access != 0 {
			return false
		}
		if !k.allow && access&^e.Access == 0 {
			return true
		}
	}
	return k.allow
}

// H24 JU8: on the way from one policy to another nothing is denied that both allow, and in the end the kernel holds what it
// would hold if the new policy had been the first.
func TestV1From(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	randomPolicy := func() Policy {
		p := Policy{Allow: random.IntN(3) == 0}
		for range random.IntN(6) {
			rule := Rule{Allow: random.IntN(3) > 0 != p.Allow, Type: "abc"[random.IntN(3)], Major: Any, Minor: Any, Access: uint8(1 + random.IntN(FullAccess))}
			if random.IntN(3) > 0 {
				rule.Major = int64(random.IntN(2))
			}
			if random.IntN(3) > 0 {
				rule.Minor = int64(random.IntN(2))
			}
			p.Rules = append(p.Rules, rule)
		}
		return p
	}
	ways := map[bool]int{}
	for range 3000 {
		from, to := randomPolicy(), randomPolicy()
		first, err := from.V1()
		if err != nil {
			continue
		}
		var old v1Kernel
		for _, line := range first {
			old.write(t, line)
		}
		lines, seamless, err := to.V1From(from, old.list())
		want, wantErr := to.V1()
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("from %+v to %+v: %v, but from nothing: %v", from, to, err, wantErr)
		}
		if err != nil {
			continue
		}
		ways[seamless]++
		if seamless != (from.Simplify().Allow == to.Simplify().Allow) {
			t.Fatalf("from %+v to %+v: seamless %v", from, to, seamless)
		}
		var fresh v1Kernel
		for _, line := range want {
			fresh.write(t, line)
		}
		now := v1Kernel{allow: old.allow, exceptions: append([]Rule(nil), old.exceptions...)}
		for _, line := range lines {
			now.write(t, line)
			eachAccess(func(typ byte, major, minor uint32, access uint8) {
				both := old.allows(typ, major, minor, access) && fresh.allows(typ, major, minor, access)
				if seamless && both && !now.allows(typ, major, minor, access) {
					t.Fatalf("from %+v to %+v by %+v: after %+v %c %d:%d %d is denied", from, to, lines, line, typ, major, minor, access)
				}
			})
		}
		eachAccess(func(typ byte, major, minor uint32, access uint8) {
			if now.allows(typ, major, minor, access) != fresh.allows(typ, major, minor, access) {
				t.Fatalf("from %+v to %+v by %+v: %c %d:%d %d differs at the end", from, to, lines, typ, major, minor, access)
			}
		})
	}
	if ways[true] < 100 || ways[false] < 100 {
		t.Errorf("the rules are not random enough: %v", ways)
	}
}

func eachAccess(f func(typ byte, major, minor uint32, access uint8)) {
	for _, typ := range [...]byte{BlockType, CharType} {
		for major := range uint32(3) {
			for minor := range uint32(3) {
				for access := uint8(1); access <= FullAccess; access++ {
					f(typ, major, minor, access)
				}
			}
		}
	}
}
