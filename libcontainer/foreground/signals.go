package foreground

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// numSignals is the highest signal number (signal(7)).
const numSignals = 64

// CatchSignals collects every signal that the container shall get instead of the runtime.
//
// Not caught are SIGCHLD and SIGPIPE, which are about the runtime's own children and pipes, SIGURG, with which the Go
// scheduler interrupts its threads, and, with a terminal between, SIGTTIN and SIGTTOU: the kernel sends them to a background
// job that uses the host's terminal, and a job that catches them instead of stopping would retry for ever.
func CatchSignals(withTerminal bool) chan os.Signal {
	signals := make(chan os.Signal, 2*numSignals) // package signal drops what does not fit
	for s := unix.Signal(1); s <= numSignals; s++ {
		if forwarded(s, withTerminal) {
			signal.Notify(signals, s)
		}
	}
	return signals
}

func forwarded(s unix.Signal, withTerminal bool) bool {
	switch s {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGPIPE, unix.SIGURG:
		return false
	case unix.SIGTTIN, unix.SIGTTOU:
		return !withTerminal
	}
	return true
}

// release gives the signals their former meaning.
func release(signals chan os.Signal) { signal.Stop(signals) }
