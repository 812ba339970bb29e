package spec

import "strings"

// major returns the major number of a version in the format of SemVer 2.0.0, with an optional pre-release and build;
// false where the string is not in that format.
func major(version string) (string, bool) {
	rest, build, hasBuild := strings.Cut(version, "+")
	if hasBuild && !identifiers(build, false) {
		return "", false
	}
	core, pre, hasPre := strings.Cut(rest, "-")
	if hasPre && !identifiers(pre, true) {
		return "", false
	}
	numbers := strings.Split(core, ".")
	if len(numbers) != 3 {
		return "", false
	}
	for _, n := range numbers {
		if !digits(n) || leadingZero(n) {
			return "", false
		}
	}
	return numbers[0], true
}

// identifiers checks a dotted list; in a pre-release a number may not begin with zero (SemVer, items 9 and 10).
func identifiers(list string, preRelease bool) bool {
	for id := range strings.SplitSeq(list, ".") {
		if id == "" || preRelease && digits(id) && leadingZero(id) {
			return false
		}
		for i := range len(id) {
			switch b := id[i]; {
			case '0' <= b && b <= '9', 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', b == '-':
			default:
				return false
			}
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func leadingZero(s string) bool { return len(s) > 1 && s[0] == '0' }
