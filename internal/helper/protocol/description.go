package protocol

import (
	"strconv"
	"strings"
)

// A description is what make records of a helper when it builds one, for the program that the helper is embedded in: one
// line "word value" for each fact. Every helper has the facts below; its compilers add their own.
const (
	FactID       = "id"       // the build of the helper, see ID
	FactCompiles = "compiles" // a kind that it has a compiler for
)

// Facts returns the values that a description has under a word.
func Facts(description, word string) (values []string) {
	for line := range strings.Lines(description) {
		if first, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); first == word {
			values = append(values, value)
		}
	}
	return values
}

// ID names an executable by its length and a sum of its content. It tells builds from each other; whoever makes one has all
// power over it anyway.
func ID(executable []byte) string {
	return strconv.Itoa(len(executable)) + "-" + strconv.FormatUint(Sum(executable), 16)
}
