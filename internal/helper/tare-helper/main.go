// Command tare-helper compiles what containers are confined with: seccomp profiles with libseccomp, device rules with
// cilium/ebpf. tare embeds it and runs it from memory when it meets a profile or a list of rules for the first time; nobody
// else has a reason to. Package internal/helper says why it is a program of its own.
//
// Built without cgo it has no libseccomp in it, and makes device filters only.
package main

import (
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter/assemble"
	"github.com/tare-run/tare/libcontainer/seccomp/libseccomp"
)

func main() {
	serve.Main(append(libseccomp.Compilers(), assemble.Compiler())...)
}
