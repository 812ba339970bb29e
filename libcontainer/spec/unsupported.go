package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// notSupported says that this version of tare does not do something. It is fault.ErrNotSupported with a name.
type notSupported struct{ what string }

func (e notSupported) Error() string { return e.what + " not supported by this version of tare" }
func (e notSupported) Unwrap() error { return fault.ErrNotSupported }

// unsupported is the one list of what this version refuses. A setting without effect is refused too rather than ignored:
// most of these confine the container, and a user who asked for one must not believe to have it (security rule 12).
// What asks for nothing (empty strings, empty lists, zero weights, as engines write them) is let through.
func (c *checker) unsupported(s *specs.Spec) {
	c.refuse(s.VM != nil, "virtual machines are", "vm")
}

// refuse reports something asked for that is not supported.
func (c *checker) refuse(asked bool, what string, at ...any) {
	if asked {
		c.problems = append(c.problems, &fault.Error{Pointer: fault.Ptr(at...), Err: notSupported{what}})
	}
}

// NamespaceTypes returns the types of namespace that can be asked for, in alphabetical order.
func NamespaceTypes() []string {
	var names []string
	for _, kind := range namespaceTypes {
		names = append(names, string(kind))
	}
	return names
}
