// Package helper runs the program that compiles filters, and keeps what it answered.
//
// It owns the embedded executable tare-helper, how it is started (from sealed memory, with bounds and a deadline), and the
// directory of answers. It knows no filter: a kind, a key and an answer are words and bytes to it.
//
//	key ── entry in the cache ──────────────────────▶ answer
//	 └──── none ─▶ tare-helper KIND < request ─▶ answer, kept for the next time
//
// The libraries that make BPF programs are large: cilium/ebpf initialises two dozen packages, and libseccomp is C, which
// makes a Go program slower to start as a whole. Every command of every container would pay for that, and yet a machine
// has a handful of different profiles and device rules. So the libraries live in a program of their own:
//
//	protocol     what this package and the helper must agree on
//	serve        the helper's side: one request in, one answer out
//	tare-helper  the helper's main, which names its compilers
//
// A plain "go build" embeds no helper (embed_none.go). It is for the callers to say what happens then.
package helper
