// Package seccomp turns linux.seccomp of config.json into the BPF program that init loads.
//
// It owns the meaning of a profile: which words are accepted, and which flags go to the kernel. It neither loads a filter
// (internal/sys and initproc do) nor links libseccomp, which is C: a program that links it through cgo takes half a
// millisecond longer to start. The helper program links it, and runs once for each profile (internal/helper).
//
//	config.json ── Check ──▶ key ──▶ internal/helper: from the cache, or libseccomp ──▶ Program
//
//	protocol    what this package and the compiler in the helper share
//	libseccomp  profile to filter; linked by the helper only
//	bpf         the instruction format; ENOSYS for system calls that the profile's author could not know
//
// A build whose helper has no libseccomp, or that has no helper, refuses every profile: a container that should be confined
// never runs unconfined.
package seccomp
