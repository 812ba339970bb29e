package process

import (
	"os"
	"slices"
	"testing"
)

// E8: duplicates: the last wins.
func TestMergeEnv(t *testing.T) {
	for _, tc := range []struct {
		name      string
		env, want []string
	}{
		{"empty", nil, nil},
		{"no duplicates keep their order", []string{"B=1", "A=2"}, []string{"B=1", "A=2"}},
		{"last wins at the first place", []string{"A=1", "B=2", "A=3", "A="}, []string{"A=", "B=2"}},
		{"values with =", []string{"A=x=1", "A=x=2"}, []string{"A=x=2"}},
		{"a name is no prefix", []string{"A=1", "AB=2"}, []string{"A=1", "AB=2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := MergeEnv(tc.env); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// E8: HOME is added where it is missing.
func TestHome(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/etc/passwd", []byte("u:x:1000:1000::/home/u:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		env, want []string
		uid       uint32
	}{
		{"added", []string{"A=1"}, []string{"A=1", "HOME=/home/u"}, 1000},
		{"unknown user", nil, []string{"HOME=/"}, 7},
		{"kept", []string{"HOME=/x", "A=1"}, []string{"HOME=/x", "A=1"}, 1000},
		{"empty counts as absent", []string{"HOME=", "A=1"}, []string{"HOME=/home/u", "A=1"}, 1000},
		{"another name", []string{"HOMER=/x"}, []string{"HOMER=/x", "HOME=/home/u"}, 1000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inRoot(t, dir, func() {
				if got := Home(tc.env, tc.uid); !slices.Equal(got, tc.want) {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			})
		})
	}
}
