package resources

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// member is one limit, or a list of them. pointer is where it is; the functions that take one besides are told what was
// asked to go: the member, something above it, or an entry inside it.
type member struct {
	pointer string
	given   func(r resources) bool
	merge   func(to, from resources) // from has it
	remove  func(r resources, pointer string)
	lift    func(to, base resources, pointer string) // sets what says "no limit"; nil: nothing does
	reset   func(base resources, pointer string) []string
}

// meant says whether a pointer is that of the member, of something above it, or of an entry inside it.
func (m *member) meant(pointer string) bool {
	return below(m.pointer, pointer) || below(pointer, m.pointer)
}

// value is a number or a switch, for which zero is as good a value as any other.
func value[T comparable](pointer string, at func(resources) **T, none ...T) member {
	m := member{
		pointer: pointer,
		given:   func(r resources) bool { return *at(r) != nil },
		merge:   func(to, from resources) { *at(to) = *at(from) },
		remove:  func(r resources, _ string) { *at(r) = nil },
		reset:   func(resources, string) []string { return []string{pointer} },
	}
	if len(none) > 0 {
		m.lift = func(to, _ resources, _ string) { *at(to) = &none[0] }
	}
	return m
}

// limit is a value of which zero is "unset".
func limit[T comparable](pointer string, at func(resources) **T, none ...T) member {
	m := value(pointer, at, none...)
	m.given = func(r resources) bool { p := *at(r); return p != nil && *p != *new(T) }
	return m
}

// word is a text of which nothing is "unset".
func word(pointer string, at func(resources) *string) member {
	return member{
		pointer: pointer,
		given:   func(r resources) bool { return *at(r) != "" },
		merge:   func(to, from resources) { *at(to) = *at(from) },
		remove:  func(r resources, _ string) { *at(r) = "" },
		reset:   func(resources, string) []string { return []string{pointer} },
	}
}

// list is a list with one entry for each key. lift makes an entry one that limits nothing.
func list[T any](pointer string, at func(resources) *[]T, key func(*T) string, lift func(*T)) member {
	m := member{
		pointer: pointer,
		given:   func(r resources) bool { return len(*at(r)) > 0 },
		merge: func(to, from resources) {
			merged := slices.Clone(*at(to))
			for _, entry := range *at(from) {
				same := func(other T) bool { return key(&other) == key(&entry) }
				if i := slices.IndexFunc(merged, same); i >= 0 {
					merged[i] = entry
				} else {
					merged = append(merged, entry)
				}
			}
			*at(to) = merged
		},
		remove: func(r resources, _ string) { *at(r) = nil },
		reset: func(base resources, _ string) (pointers []string) {
			for i := range *at(base) {
				pointers = append(pointers, pointer+"/"+key(&(*at(base))[i]))
			}
			return pointers
		},
	}
	if lift != nil {
		m.lift = func(to, base resources, _ string) {
			lifted := slices.Clone(*at(base))
			for i := range lifted {
				lift(&lifted[i])
			}
			*at(to) = lifted
		}
	}
	return m
}

// table is an object with a limit for each name. Asked for the whole of it, its functions mean every name that is there.
func table[T any](pointer string, at func(resources) *map[string]T, lift func(*T)) member {
	named := func(r resources, asked string) []string {
		if name, inside := strings.CutPrefix(asked, pointer+"/"); inside {
			return []string{unescape(name)}
		}
		return slices.Sorted(maps.Keys(*at(r)))
	}
	m := member{
		pointer: pointer,
		given:   func(r resources) bool { return len(*at(r)) > 0 },
		merge: func(to, from resources) {
			merged := make(map[string]T)
			maps.Copy(merged, *at(to))
			maps.Copy(merged, *at(from))
			*at(to) = merged
		},
		remove: func(r resources, asked string) {
			left := maps.Clone(*at(r))
			for _, name := range named(r, asked) {
				delete(left, name)
			}
			*at(r) = left
		},
		reset: func(base resources, asked string) (pointers []string) {
			for _, name := range named(base, asked) {
				pointers = append(pointers, pointer+fault.Ptr(name))
			}
			return pointers
		},
	}
	if lift != nil {
		m.lift = func(to, base resources, asked string) {
			lifted := maps.Clone(*at(to))
			if lifted == nil {
				lifted = make(map[string]T)
			}
			for _, name := range named(base, asked) {
				var entry T
				lift(&entry)
				lifted[name] = entry
			}
			*at(to) = lifted
		}
	}
	return m
}

// unescape undoes what fault.Ptr does to a name (RFC 6901 section 4).
func unescape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}

// device spells a device number as the kernel does.
func device(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}
