package assemble

import (
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// Compiler is how the helper program offers this package.
func Compiler() serve.Compiler {
	return serve.Compiler{Kind: devicefilter.Kind, Compile: answer}
}

func answer(request []byte) ([]byte, error) {
	policy, err := devicefilter.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	return Program(policy)
}
