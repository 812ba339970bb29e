// Package sys wraps the system calls that golang.org/x/sys/unix lacks, or offers in a form that does not fit.
//
// It owns every use of unsafe for system calls, in files named *_unsafe.go; each function makes one call and returns the
// bare errno. It knows no container words and imports neither os nor fmt, because the container side links it.
package sys
