package spec

import "testing"

// E1: the version MUST be in SemVer 2.0.0 format.
func TestMajor(t *testing.T) {
	for _, test := range []struct {
		version, want string // empty: not SemVer
	}{
		{"1.0.0", "1"}, {"1.0.0-rc5", "1"}, {"1.2.3-alpha.1+build.007", "1"}, {"1.0.0+001", "1"}, {"1.0.0--", "1"}, {"10.20.30", "10"},
		{"", ""}, {"1", ""}, {"1.0", ""}, {"1.0.0.0", ""}, {"v1.0.0", ""}, {"1.0.x", ""}, {"01.0.0", ""}, {"1.00.0", ""}, {"1.0.0-", ""},
		{"1.0.0-01", ""}, {"1.0.0-a..b", ""}, {"1.0.0+", ""}, {"1.0.0+a+b", ""}, {"1.0.0-ä", ""}, {" 1.0.0", ""}, {"-1.0.0", ""},
	} {
		if got, ok := major(test.version); got != test.want || ok != (test.want != "") {
			t.Errorf("%q: got %q, %v, want %q", test.version, got, ok, test.want)
		}
	}
}
