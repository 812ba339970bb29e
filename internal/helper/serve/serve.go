// Package serve is the helper's side of package helper: it reads one request, has a compiler answer it, and writes the
// response. It knows neither the compilers nor who asks. The main binary does not link it, unless it is built without a
// helper.
package serve

import (
	"encoding/json"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/protocol"
)

// Compiler answers the requests of one kind.
type Compiler struct {
	Kind    string
	Compile func(request []byte) (answer []byte, err error)
	// Facts are lines for the description. Nil is none.
	Facts func() []string
}

// Main is the helper program: it does what its arguments say and exits.
func Main(compilers ...Compiler) {
	if err := run(compilers); err != nil {
		io.WriteString(os.Stderr, protocol.Name+": "+err.Error()+"\n")
		os.Exit(1)
	}
	os.Exit(0)
}

func run(compilers []Compiler) error {
	if len(os.Args) != 2 {
		return fault.Text("is started by tare, with one argument")
	}
	if os.Args[1] != protocol.Describe {
		return json.NewEncoder(os.Stdout).Encode(respond(compilers, os.Args[1], os.Stdin))
	}
	executable, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		_, err = io.WriteString(os.Stdout, Describe(executable, compilers...))
	}
	return err
}

func respond(compilers []Compiler, kind string, in io.Reader) protocol.Response {
	answer, err := compile(compilers, kind, in)
	if err != nil {
		return protocol.Response{Problem: protocol.ProblemOf(err)}
	}
	return protocol.Response{Answer: answer}
}

func compile(compilers []Compiler, kind string, in io.Reader) ([]byte, error) {
	request, err := io.ReadAll(io.LimitReader(in, protocol.MaxRequest+1))
	if err == nil && len(request) > protocol.MaxRequest {
		err = unix.E2BIG
	}
	if err != nil {
		return nil, &fault.Error{Op: "read request", Err: err}
	}
	for _, c := range compilers {
		if c.Kind == kind {
			return c.Compile(request)
		}
	}
	return nil, &fault.Error{Op: "compile " + kind, Err: fault.ErrNotSupported}
}

// Describe is the description of an executable that has these compilers.
func Describe(executable []byte, compilers ...Compiler) string {
	var b strings.Builder
	fact := func(line string) { b.WriteString(line + "\n") }
	fact(protocol.FactID + " " + protocol.ID(executable))
	for _, c := range compilers {
		fact(protocol.FactCompiles + " " + c.Kind)
		if c.Facts != nil {
			for _, line := range c.Facts() {
				fact(line)
			}
		}
	}
	return b.String()
}
