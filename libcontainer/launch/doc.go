// Package launch is the runtime side of making a process: it clones init into its namespaces and its cgroup, from a sealed
// image, sends it its plan, and answers its messages until it reports created.
//
// It may not touch the root filesystem, load a seccomp filter, or know what happens after the program runs. It never
// imports initproc; the two meet in wire.
package launch
