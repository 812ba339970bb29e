package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// metricFamily is a family of an OpenMetrics text, with the value of each sample by its name and labels.
type metricFamily struct {
	kind, unit string
	samples    map[string]string
}

var (
	metricName   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	sampleLine   = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})? (\S+)$`)
	metricKinds  = regexp.MustCompile(`^(counter|gauge|histogram|gaugehistogram|stateset|info|summary|unknown)$`)
	metricNumber = regexp.MustCompile(`^([+-]?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?|[+-]Inf|NaN)$`)
)

// parseOpenMetrics reads a text and refuses what the specification (1.0.0) forbids, for the types used here.
func parseOpenMetrics(text string) (map[string]*metricFamily, error) {
	body, ok := strings.CutSuffix(text, "# EOF\n")
	if !ok || strings.Contains(body, "# EOF") {
		return nil, fmt.Errorf("the text does not end with its only # EOF")
	}
	families := map[string]*metricFamily{}
	var name string
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		var err error
		if strings.HasPrefix(line, "# ") {
			name, err = describeFamily(families, name, line)
		} else {
			err = addSample(families[name], name, line)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return families, nil
}

func describeFamily(families map[string]*metricFamily, current, line string) (string, error) {
	words := strings.SplitN(line, " ", 4)
	if len(words) < 4 || !metricName.MatchString(words[2]) {
		return "", fmt.Errorf("no description of a family")
	}
	name, value := words[2], words[3]
	if name != current {
		if families[name] != nil {
			return "", fmt.Errorf("the family is interrupted by another")
		}
		families[name] = &metricFamily{samples: map[string]string{}}
	}
	f := families[name]
	if len(f.samples) > 0 {
		return "", fmt.Errorf("described after its samples")
	}
	switch words[1] {
	case "TYPE":
		if f.kind != "" || !metricKinds.MatchString(value) {
			return "", fmt.Errorf("type")
		}
		f.kind = value
	case "UNIT":
		if f.unit != "" || !strings.HasSuffix(name, "_"+value) {
			return "", fmt.Errorf("unit")
		}
		f.unit = value
	case "HELP":
	default:
		return "", fmt.Errorf("neither type, unit nor help")
	}
	return name, nil
}

func addSample(f *metricFamily, name, line string) error {
	m := sampleLine.FindStringSubmatch(line)
	if f == nil || m == nil {
		return fmt.Errorf("no sample")
	}
	want := name
	if f.kind == "counter" {
		want += "_total"
	}
	value, err := strconv.ParseFloat(m[3], 64)
	switch {
	case m[1] != want:
		return fmt.Errorf("a sample of %s has the name %s", name, want)
	case !metricNumber.MatchString(m[3]) || err != nil:
		return fmt.Errorf("no number")
	case f.kind == "counter" && (value < 0 || value != value):
		return fmt.Errorf("a counter counts up from 0")
	}
	if _, ok := f.samples[m[1]+m[2]]; ok {
		return fmt.Errorf("twice")
	}
	f.samples[m[1]+m[2]] = m[3]
	return nil
}
