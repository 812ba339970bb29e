package state

import (
	"strconv"

	"github.com/tare-run/tare/internal/fault"
)

// maxID is NAME_MAX: an id is the name of a directory.
const maxID = 255

// CheckID refuses an id that could be anything but a plain directory name. Every verb calls it, through Open and Create.
// Letters, digits and "_+-." are runc's alphabet; a leading dot, which crun refuses too, is kept for ourselves.
func CheckID(id string) error {
	switch {
	case id == "":
		return &fault.Error{Op: "container id", Err: fault.Text("is empty")}
	case len(id) > maxID:
		return &fault.Error{Op: "container id", Err: fault.Text("has " + strconv.Itoa(len(id)) + " bytes"), Hint: "at most 255 are accepted"}
	case id[0] == '.':
		return &fault.Error{Op: "container id", Path: id, Err: fault.Text("begins with a dot"), Hint: "use letters, digits and _ + - ."}
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '+', c == '-', c == '.':
		default:
			return &fault.Error{Op: "container id", Path: id, Err: fault.Text("has the character " + strconv.QuoteRune(rune(c))), Hint: "use letters, digits and _ + - ."}
		}
	}
	return nil
}
