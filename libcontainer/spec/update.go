package spec

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// LoadResources decodes a document that holds what config.json has at /linux/resources, and returns it with the pointers of
// the members that are null. file is what errors call it.
func LoadResources(data []byte, file string) (r *specs.LinuxResources, nulls []string, err error) {
	r = new(specs.LinuxResources)
	if len(data) > MaxSize {
		err = &fault.Error{Err: fault.Text("is larger than 16 MiB")}
	} else {
		d := &decoder{text: jsontext.NewDecoder(bytes.NewBuffer(data)), nulls: &nulls}
		err = d.document(data, func() { resources(d, r) })
	}
	if err == nil && slices.Contains(nulls, "") {
		err = &fault.Error{Err: fault.Text("is null, want an object")}
	}
	if e, ok := err.(*fault.Error); ok {
		e.File = file
	}
	return r, nulls, err
}

// ValidateIntelRdt does for schemas what ValidateResources does for limits.
func ValidateIntelRdt(r *specs.LinuxIntelRdt) []*fault.Error {
	c := &checker{linux: &specs.Linux{}}
	c.intelRdt(r)
	return c.sorted()
}

// ValidateResources returns every problem of limits and rules that can be known without looking at the host. The pointers
// are those of config.json.
func ValidateResources(r *specs.LinuxResources) []*fault.Error {
	c := &checker{linux: &specs.Linux{Resources: r}}
	c.resources()
	return c.sorted()
}
