//go:build amd64 || arm64

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of rt_sigaction(2).
const (
	saOnStack  = 0x08000000 // the Go runtime gives every thread a signal stack
	saRestart  = 0x10000000
	saRestorer = 0x04000000
)

// catchPipe is the descriptor that the handler writes to.
var catchPipe int32

// catchHandler returns the address of the signal handler (catch_*.s), catchRestorer that of what it returns to, 0 where
// the kernel brings its own.
func catchHandler() uintptr
func catchRestorer() uintptr

// CatchSignals has the given signals written to a pipe, one byte with the number for each, and returns the end to read,
// which is the caller's. The last call counts; there is no way back but execve or the end of the process.
//
// Package os/signal does this with a goroutine and two switches of thread for every signal it enables: 5 ms of CPU for
// the sixty that a runtime in the foreground passes on. The handler here is a dozen instructions, and the same on every
// thread. Signals that a faulting instruction raises must not be caught: the Go runtime needs them.
func CatchSignals(signals []unix.Signal) (int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return -1, err
	}
	catchPipe = int32(ends[1])
	action := sigaction{
		handler:  catchHandler(),
		restorer: catchRestorer(),
		flags:    saOnStack | saRestart,
		mask:     ^uint64(0),
	}
	if action.restorer != 0 {
		action.flags |= saRestorer
	}
	for _, s := range signals {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&action)), 0, NumSignals/8, 0, 0)
		if errno != 0 {
			unix.Close(ends[0])
			return -1, errno
		}
	}
	return ends[0], nil
}
