// Package initproc is the container side: the life of init from its first instruction to the execve of the program.
//
// It is an interpreter. The runtime side has decided everything (package plan); init receives an ordered list of steps,
// takes them one by one, and reports the first error with the name and the origin of its step. It may not touch the state
// directory, cgroup managers, or the command line, and never imports launch; the two meet in wire.
//
// I1. init is privileged inside fresh namespaces and holds host descriptors, so it is not dumpable until the program runs:
// nobody in a shared pid namespace can trace it or use its descriptors (CVE-2016-9962).
// I2. Every descriptor is close-on-exec from the first moment, and before the working directory is entered for good all
// but the allowed ones are really closed (CVE-2024-21626).
// I3. init dies with its creator until the state on disk says created: first by the parent-death signal, at the very end
// by reading end of file instead of Release.
// I4. Nothing is resolved inside the root but through package safepath.
// I5. Everything runs on the main thread, which executes the program. Identity, capabilities and the filter are changed on
// this thread alone, by raw system calls: the other threads belong to the Go runtime and end with execve.
// I6. Its imports stay few, because every one is paid for at each start of a container; a test holds the list.
package initproc
