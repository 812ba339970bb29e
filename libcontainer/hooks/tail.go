package hooks

import "strings"

// maxTail is how much of a hook's output an error carries.
const maxTail = 2048

// tail keeps the end of a stream.
type tail struct {
	data []byte
	cut  bool
}

func (t *tail) add(b []byte) {
	t.data = append(t.data, b...)
	if over := len(t.data) - maxTail; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
		t.cut = true
	}
}

// String marks a beginning that is missing.
func (t *tail) String() string {
	s := strings.TrimSpace(string(t.data))
	if t.cut {
		s = "…" + s
	}
	return s
}
