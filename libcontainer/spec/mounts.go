package spec

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// LoadMounts decodes a document that holds what config.json has at /mounts, or an object with such a list as its "mounts". file
// is what errors call it.
func LoadMounts(data []byte, file string) ([]specs.Mount, error) {
	v := new(specs.Spec)
	err := error(&fault.Error{Err: fault.Text("is larger than 16 MiB")})
	if len(data) <= MaxSize {
		d := &decoder{text: jsontext.NewDecoder(bytes.NewBuffer(data))}
		err = d.document(data, func() {
			if d.text.PeekKind() == '[' {
				list(d, &v.Mounts, mount)
				return
			}
			config(d, v)
		})
	}
	if err == nil && len(v.Mounts) == 0 {
		err = &fault.Error{Err: fault.Text("names no mount")}
	}
	if e, ok := err.(*fault.Error); ok {
		e.File = file
	}
	return v.Mounts, err
}

// ValidateMounts returns every problem of mounts that can be known without looking at the host. linux is that of the container.
func ValidateMounts(mounts []specs.Mount, linux *specs.Linux) []*fault.Error {
	if linux == nil {
		linux = &specs.Linux{}
	}
	c := &checker{linux: linux}
	c.mounts(mounts)
	return c.sorted()
}
