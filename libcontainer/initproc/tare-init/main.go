// Command tare-init is the lean init: package initproc and nothing else, so that it starts fast. Make embeds it into tare;
// nobody starts it by hand.
//
// Since Go 1.25 the Go runtime keeps the files of its CPU limit open. Here they would be descriptors of the host's cgroup
// hierarchy, inside the container until its program starts.
//
//go:debug containermaxprocs=0
package main

import (
	"runtime"

	"github.com/tare-run/tare/libcontainer/initproc"
)

func init() { runtime.LockOSThread() } // the main goroutine stays on the main thread, which becomes the program

func main() { initproc.Main() }
