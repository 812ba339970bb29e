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
	for _, a := range confiningAnnotations {
		c.refuse(s.Annotations[a.key] != "", a.what, "annotations", a.key)
	}
}

// confiningAnnotations are those of crun by which a user asks for more isolation than the rest of config.json gives. Annotations
// that mean nothing to a runtime are ignored (config.md, "Annotations"), but these mean something to whoever wrote them.
var confiningAnnotations = []struct{ key, what string }{
	{"run.oci.handler", "other ways of running the program, such as a virtual machine or WebAssembly, are"},
	{"run.oci.seccomp_bpf_data", "seccomp filters in binary form are"},
	{"run.oci.seccomp_fail_unknown_syscall", "seccomp profiles that fail with unknown system calls are"},
	{"run.oci.seccomp.plugins", "plugins of seccomp agents are"},
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
