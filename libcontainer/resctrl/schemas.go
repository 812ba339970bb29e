package resctrl

import "strings"

// Schemas returns the lines in force for the resources that a cache and a bandwidth schema name, so that a change to these
// can be taken back.
func (g *Group) Schemas(l3Cache, memoryBandwidth string) (oldL3Cache, oldMemoryBandwidth string, err error) {
	current, err := g.read("schemata")
	if err != nil {
		return "", "", err
	}
	return linesFor(current, l3Cache), linesFor(current, memoryBandwidth), nil
}

// linesFor picks the lines of a schemata file whose resource a schema names.
func linesFor(current, schema string) string {
	var lines []string
	for line := range strings.Lines(current) {
		resource, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		for wanted := range strings.Lines(schema) {
			if name, _, found := strings.Cut(strings.TrimSpace(wanted), ":"); found && name == resource {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(lines, "\n")
}
