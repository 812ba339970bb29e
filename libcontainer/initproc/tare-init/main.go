// Command tare-init is the lean init: package initproc and nothing else, so that it starts fast. Make embeds it into tare;
// nobody starts it by hand.
package main

import (
	"runtime"

	"github.com/tare-run/tare/libcontainer/initproc"
)

func init() { runtime.LockOSThread() } // the main goroutine stays on the main thread, which becomes the program

func main() { initproc.Main() }
