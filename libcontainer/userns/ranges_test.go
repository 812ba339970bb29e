package userns

import "testing"

// G10: which ranges a line of subuid(5) gives.
func TestGiven(t *testing.T) {
	lines := []string{"100000:65536", "5:1", "bad", "9:x", "7:4294967296"}
	for m, want := range map[Mapping]bool{
		{0, 100000, 65536}: true, {0, 100001, 65535}: true, {0, 100000, 65537}: false, {0, 99999, 1}: false, {0, 165535, 1}: true, {0, 165536, 1}: false,
		{0, 5, 1}: true, {0, 5, 2}: false, {0, 9, 1}: false, {0, 7, 1}: false, {0, 4294967295, 4294967295}: false,
	} {
		if got := given(lines, m); got != want {
			t.Errorf("%+v: %v", m, got)
		}
	}
}
