// Package seccomp turns linux.seccomp of config.json into the BPF program that init loads.
//
// It owns the meaning of a profile: which words are accepted, which flags go to the kernel, and a cache of compiled
// programs. It neither loads a filter (internal/sys and initproc do) nor links libseccomp.
//
//	config.json ── Check ──▶ key ── cache hit ────────────────────────────▶ Program
//	                          └─ miss ─▶ helper (libseccomp), store in cache ─▶ Program
//
// libseccomp is C. A program that links it through cgo takes half a millisecond longer to start, at every verb of every
// container, and yet there are a handful of different profiles on a machine. So the library lives in a program of its own,
// tare-seccomp, embedded into tare and run once for each profile:
//
//	protocol      the messages between this package and the helper
//	libseccomp    profile to filter; linked by the helper only
//	tare-seccomp  the helper's main
//	bpf           the instruction format; ENOSYS for system calls that the profile's author could not know
//
// A build without the helper (embed_none.go) refuses every profile: a container that should be confined never runs
// unconfined.
package seccomp
