//go:build cgo

package libseccomp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// Serve answers the one request of the helper program.
func Serve(in io.Reader, out io.Writer) error {
	return json.NewEncoder(out).Encode(answer(in))
}

func answer(in io.Reader) protocol.Response {
	var request protocol.Request
	text, err := io.ReadAll(io.LimitReader(in, protocol.MaxMessage))
	if err == nil {
		err = json.Unmarshal(text, &request)
	}
	if err == nil && request.Profile == nil {
		err = fault.Text("no profile")
	}
	if err != nil {
		return protocol.Response{Problem: protocol.ProblemOf(&fault.Error{Op: "read request", Err: err})}
	}
	filter, err := Compile(request.Profile)
	if err != nil {
		return protocol.Response{Problem: protocol.ProblemOf(err)}
	}
	return protocol.Response{Filter: filter.Program, Unknown: filter.Unknown}
}

// Describe makes the description of a helper out of its executable file and of the library linked into this program, which
// is that helper.
func Describe(executable []byte) protocol.Description {
	sum := sha256.Sum256(executable)
	d := protocol.Description{Sum: hex.EncodeToString(sum[:]), Library: Version()}
	for _, a := range archs {
		if a.known() {
			d.Archs = append(d.Archs, string(a.word))
		}
	}
	return d
}
