package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// intelRdt checks what becomes a directory and the lines of a control file.
func (c *checker) intelRdt(r *specs.LinuxIntelRdt) {
	if r == nil {
		return
	}
	switch id := r.ClosID; {
	case id == "" || id == "/": // the container's own, and the default class
	case id == "." || id == ".." || strings.ContainsAny(id, "/\n\x00"):
		e := c.add("is not the name of a class of service", "linux", "intelRdt", "closID")
		e.Path, e.Hint = id, `one component of a path, or "/" for the default class`
	}
	if s := r.L3CacheSchema; s != "" {
		c.schema(s, "linux", "intelRdt", "l3CacheSchema")
		if strings.HasPrefix(s, "MB:") {
			c.add("is a schema of memory bandwidth; use memBwSchema", "linux", "intelRdt", "l3CacheSchema").Path = s
		}
	}
	if s := r.MemBwSchema; s != "" {
		c.schema(s, "linux", "intelRdt", "memBwSchema")
		if !strings.HasPrefix(s, "MB:") {
			c.add(`does not begin with "MB:"`, "linux", "intelRdt", "memBwSchema").Path = s
		}
	}
	for i, s := range r.Schemata {
		c.schema(s, "linux", "intelRdt", "schemata", i)
	}
}

// schema checks that a text is one line of a schemata file: the kernel would take a newline for the beginning of the next.
func (c *checker) schema(s string, at ...any) {
	switch {
	case strings.ContainsAny(s, "\n\x00"):
		c.add("contains a newline or a NUL byte", at...).Path = s
	case strings.IndexByte(s, ':') <= 0 || !strings.Contains(s, "="):
		c.add("is not a schema such as L3:0=7f0;1=1f", at...).Path = s
	}
}
