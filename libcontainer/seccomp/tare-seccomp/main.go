//go:build cgo

// Command tare-seccomp compiles one seccomp profile with libseccomp: request on standard input, response on standard
// output (package protocol). tare embeds it and runs it from memory when it meets a profile for the first time; nobody
// else has a reason to.
//
// With the argument "describe" it prints the description that make embeds beside it.
package main

import (
	"io"
	"os"

	"github.com/tare-run/tare/libcontainer/seccomp/libseccomp"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

func main() {
	err := run()
	if err != nil {
		io.WriteString(os.Stderr, protocol.Name+": "+err.Error()+"\n")
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) > 1 && os.Args[1] == protocol.Describe {
		executable, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			return err
		}
		_, err = io.WriteString(os.Stdout, libseccomp.Describe(executable).Text())
		return err
	}
	return libseccomp.Serve(os.Stdin, os.Stdout)
}
