//go:build cgo

package libseccomp

import (
	"encoding/json"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// Compilers are what this package adds to the helper program.
func Compilers() []serve.Compiler {
	return []serve.Compiler{{Kind: protocol.Kind, Compile: answer, Facts: facts}}
}

func answer(request []byte) ([]byte, error) {
	var profile *specs.LinuxSeccomp
	err := json.Unmarshal(request, &profile)
	if err == nil && profile == nil {
		err = fault.Text("no profile")
	}
	if err != nil {
		return nil, &fault.Error{Op: "read request", Err: err}
	}
	filter, err := Compile(profile)
	if err != nil {
		return nil, err
	}
	return protocol.Answer{Filter: filter.Program, Unknown: filter.Unknown}.Encode(), nil
}

func facts() []string {
	lines := []string{protocol.FactLibrary + " " + Version()}
	for _, a := range archs {
		if a.known() {
			lines = append(lines, protocol.FactArch+" "+string(a.word))
		}
	}
	return lines
}
