package devicefilter

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// Any as a device number matches every number.
const Any = -1

// Access bits, with the values of BPF_DEVCG_ACC_* in linux/bpf.h.
const (
	Mknod = 1 << iota
	Read
	Write

	FullAccess = Mknod | Read | Write // all that a rule can speak about
)

// Device types as rules and devices.allow spell them.
const (
	AnyType   = 'a'
	BlockType = 'b'
	CharType  = 'c'
)

// The kernel's device numbers have 12 bits for the major and 20 for the minor number (MINORBITS in linux/kdev_t.h).
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// Rule allows or denies kinds of access to the devices that match Type, Major and Minor.
type Rule struct {
	Allow        bool
	Type         byte
	Major, Minor int64
	Access       uint8
}

// DefaultRules returns what a container may do unless its configuration denies it: make any device node, and use the
// devices that config-linux.md calls the default ones, the terminals, and tun. The list is runc's.
func DefaultRules() []Rule {
	char := func(major, minor int64) Rule {
		return Rule{Allow: true, Type: CharType, Major: major, Minor: minor, Access: FullAccess}
	}
	return []Rule{
		{Allow: true, Type: AnyType, Major: Any, Minor: Any, Access: Mknod},
		char(1, 3),     // /dev/null
		char(1, 5),     // /dev/zero
		char(1, 7),     // /dev/full
		char(1, 8),     // /dev/random
		char(1, 9),     // /dev/urandom
		char(5, 0),     // /dev/tty
		char(5, 2),     // /dev/ptmx
		char(136, Any), // /dev/pts/*
		char(10, 200),  // /dev/net/tun
	}
}

// isReset reports whether the rule speaks about everything.
func (r Rule) isReset() bool { return r.Type == AnyType && r.IsFullWildcard() }

// IsFullWildcard reports whether the rule speaks about every access to all devices of its type.
func (r Rule) IsFullWildcard() bool {
	return r.Major == Any && r.Minor == Any && r.Access == FullAccess
}

// matches reports whether the rule speaks about this device; typ is BlockType or CharType.
func (r Rule) matches(typ byte, major, minor uint32) bool {
	return (r.Type == AnyType || r.Type == typ) &&
		(r.Major == Any || r.Major == int64(major)) &&
		(r.Minor == Any || r.Minor == int64(minor))
}

// covers reports whether the rule says at least as much as o, leaving the verdicts aside.
func (r Rule) covers(o Rule) bool {
	return (r.Type == AnyType || r.Type == o.Type) &&
		(r.Major == Any || r.Major == o.Major) &&
		(r.Minor == Any || r.Minor == o.Minor) &&
		r.Access&o.Access == o.Access
}

// overlaps reports whether there is a request that both rules speak about.
func (r Rule) overlaps(o Rule) bool {
	return (r.Type == AnyType || o.Type == AnyType || r.Type == o.Type) &&
		(r.Major == Any || o.Major == Any || r.Major == o.Major) &&
		(r.Minor == Any || o.Minor == Any || r.Minor == o.Minor) &&
		r.Access&o.Access != 0
}

// parseRule checks entry i of /linux/resources/devices.
func parseRule(i int, entry specs.LinuxDeviceCgroup) (Rule, error) {
	rule := Rule{Allow: entry.Allow, Type: AnyType, Major: Any, Minor: Any}
	switch entry.Type {
	case "", "a":
	case "b", "c":
		rule.Type = entry.Type[0]
	default:
		return rule, entryError(i, "type", entry.Type, "is not a device type", "accepted: a, b, c")
	}
	for _, letter := range entry.Access {
		bit := strings.IndexRune("mrw", letter)
		if bit < 0 {
			return rule, entryError(i, "access", entry.Access, "has a letter that is none of r, w and m", "")
		}
		rule.Access |= 1 << bit
	}
	if rule.Access == 0 {
		// The entry would do nothing. Its author meant something, and only he knows what.
		return rule, entryError(i, "access", "", "no access is named", `give one or more of r, w and m, such as "rwm"`)
	}
	var err error
	if rule.Major, err = parseNumber(i, "major", entry.Major, maxMajor); err != nil {
		return rule, err
	}
	rule.Minor, err = parseNumber(i, "minor", entry.Minor, maxMinor)
	return rule, err
}

// parseNumber accepts −1 for "any" besides null, as runc does.
func parseNumber(i int, field string, number *int64, limit int64) (int64, error) {
	if number == nil || *number == Any {
		return Any, nil
	}
	if *number < 0 || *number > limit {
		return 0, entryError(i, field, decimal(*number), "is not a device number",
			"accepted 0 to "+decimal(limit)+", or null for any")
	}
	return *number, nil
}

func entryError(i int, field, value, why, hint string) error {
	return &fault.Error{
		Op:      "device rule",
		Pointer: fault.Ptr("linux", "resources", "devices", i, field),
		Path:    value,
		Err:     fault.Text(why),
		Hint:    hint,
	}
}
