// Package nofile remembers the limit on open files that the process was started with.
//
// Package syscall raises the soft limit to the hard one when it initialises, and keeps the old value to itself; a container
// must not inherit the raised one. Packages initialise as soon as what they import is ready, in the order of their paths,
// so a package that imports nothing and whose path sorts before "syscall" sees the limit first. Hence the assembly, and
// hence this package may import nothing.
package nofile

var caller, known = read()

func read() (limit [2]uint64, ok bool) {
	ok = getrlimit(&limit) == 0
	return limit, ok
}

// getrlimit is prlimit64(0, RLIMIT_NOFILE, nil, limit); the result is 0 or a negative errno.
//
//go:noescape
func getrlimit(limit *[2]uint64) int64

// Caller returns the soft and the hard limit as the caller of this process had them. Known is false where the kernel
// refused to say.
func Caller() (soft, hard uint64, ok bool) { return caller[0], caller[1], known }
