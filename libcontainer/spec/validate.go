package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// Validate returns every problem of the configuration that can be known without looking at the host, in the order of
// their JSON pointers. An empty result means that the configuration makes sense, not that this host can run it.
func Validate(s *specs.Spec) []*fault.Error {
	c := &checker{linux: s.Linux}
	if c.linux == nil {
		c.linux = &specs.Linux{} // optional: a container without namespaces and limits
	}
	c.top(s)
	c.hooks(s.Hooks)
	if s.Process != nil { // optional for create; start refuses to go on without it (config.md, "Process")
		c.process(s.Process)
	}
	c.mounts(s.Mounts)
	c.namespaces()
	c.paths()
	c.devices()
	c.resources()
	c.sysctls(s)
	if c.linux.Seccomp != nil {
		c.seccomp(c.linux.Seccomp)
	}
	c.unsupported(s)
	return c.sorted()
}

// checker collects problems. Its methods are one for each section of the configuration.
type checker struct {
	linux    *specs.Linux // never nil
	problems []*fault.Error
}

// add reports a problem and returns it, so that a hint or the offending text can be put on it.
func (c *checker) add(reason string, at ...any) *fault.Error {
	e := &fault.Error{Pointer: fault.Ptr(at...), Err: fault.Text(reason)}
	c.problems = append(c.problems, e)
	return e
}

// require reports that something must be there.
func (c *checker) require(ok bool, at ...any) {
	if !ok {
		c.add("is missing", at...)
	}
}

// noNUL reports a string that the kernel would read only up to its zero byte.
func (c *checker) noNUL(s string, at ...any) {
	if strings.IndexByte(s, 0) >= 0 {
		c.add("contains a NUL byte", at...).Path = s
	}
}

func (c *checker) noNULs(list []string, at ...any) {
	for i, s := range list {
		if strings.IndexByte(s, 0) >= 0 {
			c.noNUL(s, append(slices.Clone(at), i)...)
		}
	}
}

// absolute reports a path that is empty, relative or cut by a NUL byte.
func (c *checker) absolute(path string, at ...any) {
	switch {
	case path == "":
		c.add("is missing, want an absolute path", at...)
	case path[0] != '/':
		c.add("is not an absolute path", at...).Path = path
	default:
		c.noNUL(path, at...)
	}
}

// id reports the one user or group id that is none: (uid_t)-1 means "leave unchanged" to setresuid(2) and chown(2), so
// the process would keep the identity of the runtime.
func (c *checker) id(id uint32, at ...any) {
	if id == 1<<32-1 {
		c.add("is 4294967295, which is not an id", at...)
	}
}

// has tells whether the configuration lists a namespace of the type, new or joined.
func (c *checker) has(kind specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(c.linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
}

// needs reports something that would act on the host without a namespace of the type.
func (c *checker) needs(kind specs.LinuxNamespaceType, at ...any) {
	if !c.has(kind) {
		c.add("needs a namespace of type "+string(kind), at...).Hint = `add {"type": "` + string(kind) + `"} to /linux/namespaces`
	}
}

func (c *checker) sorted() []*fault.Error {
	slices.SortStableFunc(c.problems, func(a, b *fault.Error) int { return comparePointers(a.Pointer, b.Pointer) })
	return c.problems
}

// comparePointers orders JSON pointers token by token, array indexes as numbers: /mounts/2 comes before /mounts/10.
func comparePointers(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a = cutToken(a)
		y, b = cutToken(b)
		if x == y {
			continue
		}
		if isIndex(x) && isIndex(y) && len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	}
	return len(a) - len(b)
}

func cutToken(pointer string) (token, rest string) {
	if i := strings.IndexByte(pointer[1:], '/'); i >= 0 {
		return pointer[1 : 1+i], pointer[1+i:]
	}
	return pointer[1:], ""
}

func isIndex(token string) bool {
	return token != "" && strings.Trim(token, "0123456789") == ""
}
