//go:build cgo

package seccomp

import (
	"os"
	"testing"

	"github.com/tare-run/tare/internal/helper"
	"github.com/tare-run/tare/internal/helper/protocol"
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/libcontainer/seccomp/libseccomp"
)

// The test binary plays three parts, told by argv[0]: the tests; the helper, where none is embedded (with the build tag
// tare_embed_helper the tests use the real one); and the process that loads a filter on itself.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case protocol.Name:
		serve.Main(libseccomp.Compilers()...)
	case probeName:
		exitOn(probe(os.Stdin, os.Stdout))
	}
	if !Enabled() {
		executable, err := os.ReadFile("/proc/self/exe")
		exitIf(err)
		h := helper.Helper{Executable: executable, Description: serve.Describe(executable, libseccomp.Compilers()...)}
		compiler = func() helper.Helper { return h }
	}
	os.Exit(m.Run())
}
