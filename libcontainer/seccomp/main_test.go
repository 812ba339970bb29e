//go:build cgo

package seccomp

import (
	"os"
	"testing"

	"github.com/tare-run/tare/libcontainer/seccomp/libseccomp"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// The test binary plays three parts, told by argv[0]: the tests; the helper, where none is embedded (with the build tag
// tare_embed_seccomp the tests use the real one); and the process that loads a filter on itself.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case protocol.Name:
		exitOn(libseccomp.Serve(os.Stdin, os.Stdout))
	case probeName:
		exitOn(probe(os.Stdin, os.Stdout))
	}
	if !Enabled() {
		executable, err := os.ReadFile("/proc/self/exe")
		exitIf(err)
		helper, helperDescription = executable, libseccomp.Describe(executable).Text()
	}
	os.Exit(m.Run())
}
