package seccomp

import (
	"encoding/json"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// compiler returns the helper of this build, which may have libseccomp in it or not. The tests replace it.
var compiler = helper.Embedded

// Program is what init loads.
type Program struct {
	Filter []byte // array of struct sock_filter, native byte order
	Flags  uint32 // SECCOMP_FILTER_FLAG_* bits

	// Unknown lists names of the profile that libseccomp does not know on any architecture; they were ignored. It is worth a
	// debug line: what such a name allows stays forbidden.
	Unknown []string
	// NotCached says why the program could not be kept for the next container, which will have to wait for the helper again.
	// The program itself is good. Nil when it was kept, or came from the cache.
	NotCached error
}

// Compile makes the program of a profile, from the cache in cacheDir if it is there, else with the helper. The directory is
// made with mode 0700 where missing; its parent must exist.
//
// Postconditions: without an error the program does all that the profile asks for. A profile is never weakened to what this
// build can do: it is refused.
func Compile(profile *specs.LinuxSeccomp, cacheDir string) (*Program, error) {
	if !Enabled() {
		return nil, &fault.Error{
			Op: "seccomp", Pointer: fault.Ptr("linux", "seccomp"), Err: fault.ErrNotSupported,
			Hint: "this tare was built without libseccomp: install its header and static library and build with make",
		}
	}
	if problems := problems(profile); len(problems) > 0 {
		return nil, problems[0] // Check tells all of them
	}
	result, err := compiler().Compile(&helper.Job{
		Kind:    protocol.Kind,
		Key:     keyFor(profile),
		Request: func() ([]byte, error) { return json.Marshal(profile) },
		Valid:   protocol.ValidAnswer,
	}, cacheDir)
	if err != nil {
		return nil, fault.At(fault.Ptr("linux", "seccomp"), err)
	}
	answer, _ := protocol.ParseAnswer(result.Answer) // it is valid
	return &Program{
		Filter:    answer.Filter,
		Flags:     kernelFlags(profile),
		Unknown:   answer.Unknown,
		NotCached: result.NotCached,
	}, nil
}
