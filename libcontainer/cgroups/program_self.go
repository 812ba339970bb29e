//go:build !tare_embed_helper

package cgroups

import (
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter/assemble"
)

// program returns the policy as BPF code. A plain "go build" has no helper, and assembles in this process.
func program(policy devicefilter.Policy, _ string) (code []byte, notCached, err error) {
	code, err = assemble.Program(policy)
	return code, nil, err
}
