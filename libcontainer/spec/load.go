package spec

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
)

// configName is how errors about the whole document call it.
const configName = "config.json"

// MaxSize bounds what is decoded. The largest real configurations, with thousands of mounts and a seccomp profile,
// stay below one megabyte.
const MaxSize = 16 << 20

// Load decodes config.json. Names are case-sensitive, unknown ones are ignored (config.md, "Extensibility"), and a name
// that appears twice in one object is an error: which of the two counts would depend on the reader. null means absent.
//
// The sections of other platforms are noted as present and not decoded. What older versions of the specification said in other
// words is translated.
//
// An error is a *fault.Error with the JSON pointer of the value, or with line and column where the text is not JSON.
func Load(data []byte) (*specs.Spec, error) {
	if len(data) > MaxSize {
		return nil, &fault.Error{File: configName, Err: fault.Text("is larger than 16 MiB")}
	}
	s := new(specs.Spec)
	if err := decode(data, s, config); err != nil {
		return nil, err
	}
	translate(s)
	return s, nil
}

// decode reads one document with read, and makes sure that nothing follows it.
func decode[T any](data []byte, v *T, read func(*decoder, *T)) error {
	d := &decoder{text: jsontext.NewDecoder(bytes.NewBuffer(data))}
	return d.document(data, func() { read(d, v) })
}

// document is decode for a decoder that has been made.
func (d *decoder) document(data []byte, read func()) error {
	read()
	if d.err == nil {
		if _, err := d.text.ReadToken(); err == nil {
			d.err = &fault.Error{File: configName, Err: fault.Text("more than one JSON value")}
		} else if err != io.EOF {
			d.err = err
		}
	}
	return explain(data, d.err)
}

// explain turns what the JSON library found wrong with the text into our error, with a position an editor can go to.
func explain(data []byte, err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		e := &fault.Error{File: configName, Pointer: shorten(string(syntax.JSONPointer))}
		where := "line " + position(data, syntax.ByteOffset) + ": "
		if errors.Is(syntax.Err, jsontext.ErrDuplicateName) {
			e.Err = fault.Text(where + "name is given twice")
			e.Hint = "remove one of the two"
		} else {
			e.Err = fault.Text(where + syntax.Err.Error())
		}
		return e
	case err == io.EOF:
		return &fault.Error{File: configName, Err: fault.Text("is empty, want a JSON object")}
	}
	return err
}

// position returns "LINE, column COLUMN" of a byte offset, both counted from one; columns are bytes.
func position(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// shorten keeps the error about a document of ten thousand levels on a screen.
func shorten(pointer string) string {
	const most = 200
	if len(pointer) <= most {
		return pointer
	}
	return pointer[:strings.LastIndexByte(pointer[:most], '/')] + "/…"
}
