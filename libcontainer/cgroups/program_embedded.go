//go:build tare_embed_helper

package cgroups

import (
	"github.com/tare-run/tare/internal/helper"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// program returns the policy as BPF code, from the cache or made by the helper, which links the assembler in our stead.
// notCached is why the next container will have to wait for the helper again; the code is good all the same.
func program(policy devicefilter.Policy, cacheDir string) (code []byte, notCached, err error) {
	result, err := helper.Embedded().Compile(&helper.Job{
		Kind: devicefilter.Kind, Key: policy.Key(), Request: policy.Request, Valid: devicefilter.ValidProgram,
	}, cacheDir)
	if err != nil {
		return nil, nil, err
	}
	return result.Answer, result.NotCached, nil
}
