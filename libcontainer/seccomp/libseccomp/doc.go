// Package libseccomp turns a profile of config.json into a BPF program by means of the C library libseccomp.
//
// It owns what only that library knows: the numbers of system calls on each architecture, and how to generate a filter. It
// loads no filter and keeps none. Only the helper program tare-helper links it, because a program with libseccomp and cgo
// in it takes half a millisecond longer to start, every time. It is the only importer of libseccomp-golang; without cgo it
// offers no compiler.
package libseccomp
