package resctrl

import "strings"

// A schema is a line "L3:0=7f0;1=1f": a resource, and a value for each of its domains. The values are bit masks in
// hexadecimal digits, or numbers in decimal ones. The kernel pads resources with spaces and masks with zeros.

// schema is one line.
type schema struct {
	resource string
	domains  []domain
}

type domain struct{ id, value string }

// parseSchema reads a line; ok is false for what is none.
func parseSchema(line string) (s schema, ok bool) {
	resource, rest, found := strings.Cut(strings.TrimSpace(line), ":")
	if !found || resource == "" {
		return s, false
	}
	s.resource = strings.TrimSpace(resource)
	for part := range strings.SplitSeq(rest, ";") {
		id, value, found := strings.Cut(part, "=")
		id, value = strings.TrimSpace(id), strings.TrimSpace(value)
		if !found || id == "" || value == "" {
			return s, false
		}
		s.domains = append(s.domains, domain{plain(id), plain(value)})
	}
	return s, true
}

// plain makes equal numbers equal texts.
func plain(number string) string {
	number = strings.TrimLeft(strings.ToLower(number), "0")
	if number == "" {
		return "0"
	}
	return number
}

// find returns the value of a domain.
func (s *schema) find(id string) (value string, ok bool) {
	for _, d := range s.domains {
		if d.id == id {
			return d.value, true
		}
	}
	return "", false
}

// compareSchema looks whether every domain of the wanted lines has that value in the text of a schemata file. It returns
// what is different, or "".
func compareSchema(current, wanted string) string {
	have := map[string]schema{}
	for line := range strings.Lines(current) {
		if s, ok := parseSchema(line); ok {
			have[s.resource] = s
		}
	}
	for line := range strings.Lines(wanted) {
		want, ok := parseSchema(line)
		if !ok {
			return "it has no " + strings.TrimSpace(line)
		}
		found, ok := have[want.resource]
		if !ok {
			return "it has no resource " + want.resource
		}
		for _, d := range want.domains {
			if value, _ := found.find(d.id); value != d.value {
				return "its " + want.resource + ":" + d.id + " is " + value + ", not " + d.value
			}
		}
	}
	return ""
}

// linesOf returns the lines of a schemata file that are about resources of this kind: "L3" is also "L3CODE" and "L3DATA".
func linesOf(current, kind string) string {
	var lines []string
	for line := range strings.Lines(current) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, kind) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
