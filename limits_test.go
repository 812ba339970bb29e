package main

import "testing"

// JU2: sizes as Docker's tools write them.
func TestParseBytes(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1": 1, "1b": 1, "32": 32, "1k": 1 << 10, "1K": 1 << 10, "1kb": 1 << 10, "1KiB": 1 << 10, "1 k": 1 << 10, "1 ": 1, "2m": 2 << 20,
		"1.5g": 3 << 29, "0.3k": 307, "1.1b": 1, "3T": 3 << 40, "4pb": 4 << 50, "9223372036854775807": 1<<63 - 1, "8191p": 8191 << 50,
	}
	for text, want := range good {
		if got, ok := parseBytes(text); !ok || got != want {
			t.Errorf("%q: got %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", " ", "-1", "-5m", "+1", "k", "1e3", "1kk", "1bb", "1ib", "1bk", "1  k", " 1", "1.", ".5", "1.2.3",
		"0x10", "1,5m", "9223372036854775808", "8192p", "99999999t", "unset"} {
		if got, ok := parseBytes(text); ok {
			t.Errorf("%q was accepted as %d", text, got)
		}
	}
}

func FuzzParseBytes(f *testing.F) {
	for _, text := range []string{"1", "1.5g", "8191p", "9223372036854775807", "0.0000000000001k", "8191.9999999999999999p"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := parseBytes(text); ok && n < 0 {
			t.Errorf("%q: %d", text, n)
		}
	})
}
