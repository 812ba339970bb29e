package devicefilter

import (
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// entry builds a device rule from words: "deny a", "allow c 1:3 rw", "deny *:5 m".
func entry(t testing.TB, text string) specs.LinuxDeviceCgroup {
	t.Helper()
	words := strings.Fields(text)
	e := specs.LinuxDeviceCgroup{Allow: words[0] == "allow", Access: "rwm"}
	for _, word := range words[1:] {
		major, minor, isNumbers := strings.Cut(word, ":")
		switch {
		case isNumbers:
			e.Major, e.Minor = number(t, major), number(t, minor)
		case word == "a" || word == "b" || word == "c":
			e.Type = word
		case word == "none":
			e.Access = ""
		default:
			e.Access = word
		}
	}
	return e
}

func number(t testing.TB, s string) *int64 {
	t.Helper()
	if s == "*" {
		return nil
	}
	n := int64(0)
	for _, digit := range s {
		n = 10*n + int64(digit-'0')
	}
	return &n
}

func policy(t testing.TB, lines ...string) Policy {
	t.Helper()
	var entries []specs.LinuxDeviceCgroup
	for _, line := range lines {
		entries = append(entries, entry(t, line))
	}
	p, err := FromSpec(entries)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// H11 to H17: what a list of rules means. Requests are "type major:minor access".
func TestMeaning(t *testing.T) {
	for _, tc := range []struct {
		name        string
		rules       []string
		allow, deny []string
	}{
		{
			name:  "H13: no rules, the default devices only",
			allow: []string{"c 1:3 rw", "c 1:9 r", "c 5:2 rw", "c 136:7 rw", "c 10:200 rw", "c 240:1 m", "b 8:0 m"},
			deny:  []string{"c 1:1 r", "c 5:1 rw", "b 8:0 r", "b 1:3 r", "c 10:229 rw"},
		},
		{
			name:  "H13: the usual wildcard denial leaves the default devices",
			rules: []string{"deny a"},
			allow: []string{"c 1:3 rw", "c 1:3 m", "c 5:0 rw", "b 7:0 m"},
			deny:  []string{"c 1:1 r", "b 8:0 w"},
		},
		{
			name:  "H12: no type is type a",
			rules: []string{"allow rwm"},
			allow: []string{"b 8:0 rw", "c 1:1 rw"},
		},
		{
			name:  "H11: the last match decides, a default device can be denied",
			rules: []string{"deny a", "deny c 1:9 rwm"},
			allow: []string{"c 1:8 r"},
			deny:  []string{"c 1:9 r", "c 1:9 w", "c 1:9 m"},
		},
		{
			name:  "H11: order, allowed again",
			rules: []string{"deny a", "deny c 1:* rw", "allow c 1:3 r"},
			allow: []string{"c 1:3 r", "c 1:3 m"},
			deny:  []string{"c 1:3 w", "c 1:3 rw", "c 1:5 r"},
		},
		{
			name:  "H14: a wildcard forgets what was before",
			rules: []string{"allow c 10:229 rwm", "deny c 1:3 rwm", "deny a"},
			allow: []string{"c 1:3 rw"},
			deny:  []string{"c 10:229 r"},
		},
		{
			name:  "H14: allow all, then exceptions",
			rules: []string{"deny b 8:1 rwm", "allow a", "deny b 8:0 w"},
			allow: []string{"b 8:1 rw", "b 8:0 r", "c 4:64 rwm"},
			deny:  []string{"b 8:0 w", "b 8:0 rw"},
		},
		{
			name:  "type a with fewer kinds of access is an ordinary rule",
			rules: []string{"allow a", "deny a m"},
			allow: []string{"b 8:0 rw"},
			deny:  []string{"b 8:0 m", "c 1:3 m"},
		},
		{
			name:  "H15: a hole in a wildcard",
			rules: []string{"deny a", "allow c 4:* rw", "deny c 4:64 w"},
			allow: []string{"c 4:64 r", "c 4:65 rw"},
			deny:  []string{"c 4:64 w", "c 4:64 rw"},
		},
		{
			name:  "H17: two rules together grant a request",
			rules: []string{"deny a", "allow b 8:0 r", "allow b 8:* w"},
			allow: []string{"b 8:0 rw", "b 8:0 r", "b 8:1 w"},
			deny:  []string{"b 8:1 rw", "b 8:1 r"},
		},
		{
			name:  "wildcard major",
			rules: []string{"deny a", "allow c *:7 r"},
			allow: []string{"c 200:7 r"},
			deny:  []string{"c 200:8 r", "c 200:7 w"},
		},
		{
			name:  "all of one type",
			rules: []string{"deny a", "allow b *:* rwm", "deny b 7:* w"},
			allow: []string{"b 8:0 rwm", "b 7:3 r"},
			deny:  []string{"b 7:3 rw", "c 4:1 r"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := policy(t, tc.rules...)
			for want, requests := range map[bool][]string{true: tc.allow, false: tc.deny} {
				for _, text := range requests {
					r := parseRequest(t, text)
					if got := p.Allows(r.typ, r.major, r.minor, r.access); got != want {
						t.Errorf("%s: allowed %v, want %v", text, got, want)
					}
				}
			}
		})
	}
}

type request struct {
	typ          byte
	major, minor uint32
	access       uint8
}

func parseRequest(t testing.TB, text string) request {
	t.Helper()
	e := entry(t, "allow "+text)
	rule, err := parseRule(0, e)
	if err != nil {
		t.Fatal(err)
	}
	return request{rule.Type, uint32(rule.Major), uint32(rule.Minor), rule.Access}
}

// H12: −1 is any number, as null is; engines that know runc write it.
func TestNumberForAny(t *testing.T) {
	const any = -1
	p, err := FromSpec([]specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: new(int64(240)), Minor: new(int64(any)), Access: "rwm"}})
	if err != nil || !p.Allows(CharType, 240, 7, FullAccess) || p.Allows(CharType, 241, 7, Read) {
		t.Errorf("got %+v, %v", p, err)
	}
}

// H12 H16: an entry that means nothing, or something else than it says, is an error.
func TestRefusedEntries(t *testing.T) {
	minus := int64(-2)
	large := int64(1 << 20)
	for _, tc := range []struct {
		name    string
		entry   specs.LinuxDeviceCgroup
		pointer string
	}{
		{"H16: empty access", specs.LinuxDeviceCgroup{}, "/linux/resources/devices/0/access"},
		{"unknown access", specs.LinuxDeviceCgroup{Access: "rx"}, "/linux/resources/devices/0/access"},
		{"unknown type", specs.LinuxDeviceCgroup{Type: "p", Access: "r"}, "/linux/resources/devices/0/type"},
		{"negative major", specs.LinuxDeviceCgroup{Major: &minus, Access: "r"}, "/linux/resources/devices/0/major"},
		{"minor out of range", specs.LinuxDeviceCgroup{Minor: &large, Access: "r"}, "/linux/resources/devices/0/minor"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := FromSpec([]specs.LinuxDeviceCgroup{tc.entry})
			var f *fault.Error
			if !errors.As(err, &f) || f.Pointer != tc.pointer {
				t.Errorf("error %v, want one at %s", err, tc.pointer)
			}
		})
	}
}

// H22: a filter that would allow everything is not needed.
func TestUnrestricted(t *testing.T) {
	for _, tc := range []struct {
		rules []string
		want  bool
	}{
		{nil, false},
		{[]string{"deny a"}, false},
		{[]string{"allow a"}, true},
		{[]string{"deny a", "allow rwm"}, true},
		{[]string{"allow a", "allow c 1:3 r"}, true},
		{[]string{"allow a", "deny c 1:3 r"}, false},
		{[]string{"allow b *:* rwm", "allow c *:* rwm"}, false}, // equivalent, but not worth recognising
	} {
		if got := policy(t, tc.rules...).Unrestricted(); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.rules, got, tc.want)
		}
	}
}

// H24.
func TestV1(t *testing.T) {
	defaults := "allow b *:* m|allow c *:* m|allow c 1:3 rwm|allow c 1:5 rwm|allow c 1:7 rwm|allow c 1:8 rwm|" +
		"allow c 1:9 rwm|allow c 5:0 rwm|allow c 5:2 rwm|allow c 136:* rwm|allow c 10:200 rwm"
	for _, tc := range []struct {
		name  string
		rules []string
		want  string // empty: refused
	}{
		{"defaults", []string{"deny a"}, "deny a|" + defaults},
		{"one more", []string{"deny a", "allow b 8:0 r"}, "deny a|" + defaults + "|allow b 8:0 r"},
		{"exact exception taken back", []string{"deny a", "deny c 1:9 rw"}, "deny a|" + strings.Replace(defaults, "c 1:9 rwm", "c 1:9 m", 1)},
		{"allow all but one", []string{"allow a", "deny b 8:0 w"}, "allow a|deny b 8:0 w"},
		{"H15: hole", []string{"deny a", "allow b 8:* rw", "deny b 8:1 w"}, ""},
		{"hole in the default mknod", []string{"deny a", "deny b 8:1 m"}, ""},
		{"all mknod taken back", []string{"allow a", "deny a m", "allow c m"}, "allow a|deny b *:* m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lines, err := policy(t, tc.rules...).V1()
			var got []string
			for _, line := range lines {
				got = append(got, strings.TrimPrefix(line.File, "devices.")+" "+line.Value)
			}
			if text := strings.Join(got, "|"); text != tc.want {
				t.Errorf("got  %s\nwant %s", text, tc.want)
			}
			if (tc.want == "") != errors.Is(err, fault.ErrNotSupported) {
				t.Errorf("error %v", err)
			}
		})
	}
}
