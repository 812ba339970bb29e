package protocol

import (
	"errors"
	"strings"
)

// Description is what make records of a helper when it builds one, for the program the helper is embedded in. Its text has
// one "word value" line for each fact.
type Description struct {
	Sum     string   // SHA-256 of the executable, in hexadecimal
	Library string   // version of libseccomp: "2.5.4"
	Archs   []string // architectures this libseccomp knows, as config.json spells them
}

// Text writes a description.
func (d Description) Text() string {
	var b strings.Builder
	b.WriteString("sha256 " + d.Sum + "\nlibseccomp " + d.Library + "\n")
	for _, arch := range d.Archs {
		b.WriteString("arch " + arch + "\n")
	}
	return b.String()
}

// ParseDescription reads a description.
func ParseDescription(text string) (Description, error) {
	var d Description
	for line := range strings.Lines(text) {
		word, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch word {
		case "sha256":
			d.Sum = value
		case "libseccomp":
			d.Library = value
		case "arch":
			d.Archs = append(d.Archs, value)
		}
	}
	if d.Sum == "" || d.Library == "" {
		return d, errors.New("incomplete description of the seccomp helper")
	}
	return d, nil
}
