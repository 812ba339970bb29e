package spec

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// LoadProcess decodes a document that holds what config.json has at /process, as engines give it to exec. file is what
// errors call it.
func LoadProcess(data []byte, file string) (*specs.Process, error) {
	p := new(specs.Process)
	err := error(&fault.Error{Err: fault.Text("is larger than 16 MiB")})
	if len(data) <= MaxSize {
		d := &decoder{text: jsontext.NewDecoder(bytes.NewBuffer(data))}
		err = d.document(data, func() { process(d, p) })
	}
	if e, ok := err.(*fault.Error); ok {
		e.File = file
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// ValidateProcess returns every problem of a process that can be known without looking at the host. The pointers are those
// of config.json, where the process is at /process.
func ValidateProcess(p *specs.Process) []*fault.Error {
	c := &checker{linux: &specs.Linux{}}
	c.process(p)
	return c.sorted()
}
