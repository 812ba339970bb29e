package spec

import (
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// maxUTSName is __NEW_UTS_LEN of the kernel, the limit of sethostname(2) and setdomainname(2).
const maxUTSName = 64

// top checks what stands directly in the document and is not a section of its own.
func (c *checker) top(s *specs.Spec) {
	c.version(s.Version)
	c.root(s.Root)
	c.utsName(s.Hostname, "hostname")
	c.utsName(s.Domainname, "domainname")
	if _, ok := s.Annotations[""]; ok {
		c.add("an annotation has an empty key", "annotations")
	}
}

// version accepts every 1.x, newer ones and pre-releases too: the specification is compatible within a major version,
// and engines write the version of the module they were built with.
func (c *checker) version(v string) {
	if v == "" {
		c.add("is missing", "ociVersion").Hint = "write " + specs.Version
		return
	}
	number, ok := major(v)
	switch {
	case !ok:
		c.add("is not a version in SemVer 2.0.0 format", "ociVersion").Path = v
	case number != "1":
		e := c.add("version is not supported", "ociVersion")
		e.Path, e.Err, e.Hint = v, fault.ErrNotSupported, "accepted are 1.0.0 and all later 1.x"
	}
}

func (c *checker) root(r *specs.Root) {
	switch {
	case r == nil:
		c.require(false, "root")
	case r.Path == "":
		c.require(false, "root", "path")
	case path.Clean(r.Path) == "/":
		// The container would be given the host's own tree to change, and pivot_root(2) from "/" to "/" is nothing.
		c.add("the root of the host cannot be the root of a container", "root", "path")
	default:
		c.noNUL(r.Path, "root", "path")
	}
	if r != nil && r.Readonly {
		c.needs(specs.MountNamespace, "root", "readonly")
	}
}

// utsName checks hostname and domainname, which without a namespace would rename the host.
func (c *checker) utsName(name, member string) {
	if name == "" {
		return
	}
	c.needs(specs.UTSNamespace, member)
	c.noNUL(name, member)
	if len(name) > maxUTSName {
		c.add("is longer than 64 bytes", member).Path = name
	}
}

// hookKind is one of the six lists of hooks.
type hookKind struct {
	name  string
	hooks *[]specs.Hook
}

// hookKinds returns the lists of h in the order of the life cycle (config.md, "POSIX-platform Hooks").
func hookKinds(h *specs.Hooks) [6]hookKind {
	return [...]hookKind{
		{"prestart", &h.Prestart}, //nolint:staticcheck // deprecated, and still what Docker and BuildKit write
		{"createRuntime", &h.CreateRuntime},
		{"createContainer", &h.CreateContainer},
		{"startContainer", &h.StartContainer},
		{"poststart", &h.Poststart},
		{"poststop", &h.Poststop},
	}
}

// HookNames returns the names of the hooks, in the order in which they run.
func HookNames() []string {
	var names []string
	for _, kind := range hookKinds(&specs.Hooks{}) {
		names = append(names, kind.name)
	}
	return names
}

func (c *checker) hooks(h *specs.Hooks) {
	if h == nil {
		return
	}
	for _, kind := range hookKinds(h) {
		for i, hook := range *kind.hooks {
			c.absolute(hook.Path, "hooks", kind.name, i, "path")
			c.noNULs(hook.Args, "hooks", kind.name, i, "args")
			c.noNULs(hook.Env, "hooks", kind.name, i, "env")
			if hook.Timeout != nil && *hook.Timeout <= 0 {
				c.add("must be greater than zero", "hooks", kind.name, i, "timeout").Hint = "leave it out for no timeout"
			}
		}
	}
}
