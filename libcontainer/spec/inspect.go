package spec

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// MaxFindings bounds each of the two lists: who has more than that has lost count.
const MaxFindings = 1000

// Findings are what an inspection noted on its way, in the order of the document.
type Findings struct {
	Problems []*fault.Error // values of a wrong type or out of range
	Unknown  []string       // pointers of members that mean nothing
}

// Inspect decodes config.json as Load does, and does not stop at the first value that is wrong: all of them are findings.
// What they belong to is left at its zero value. Text that is not JSON ends it with an error.
func Inspect(data []byte) (*specs.Spec, *Findings, error) {
	s, f := new(specs.Spec), new(Findings)
	if len(data) > MaxSize {
		return nil, nil, &fault.Error{File: configName, Err: fault.Text("is larger than 16 MiB")}
	}
	d := &decoder{text: jsontext.NewDecoder(bytes.NewBuffer(data)), findings: f}
	if err := d.document(data, func() { config(d, s) }); err != nil {
		return nil, nil, err
	}
	return s, f, nil
}
