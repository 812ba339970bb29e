package stats

import (
	"strconv"
	"strings"
)

// The forms in which the kernel prints numbers (cgroup-v2.rst, "Interface File Conventions"; cgroup v1 uses the same, with
// the exceptions noted).

// parseNumber reads a number, or "max". A negative one, which cgroup v1 has where no limit is set, is no limit too.
func parseNumber(text string) (n uint64, ok bool) {
	text = strings.TrimSuffix(text, "\n")
	if text == "max" {
		return Unlimited, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		if negative, err := strconv.ParseInt(text, 10, 64); err == nil && negative < 0 {
			return Unlimited, true
		}
		return 0, false
	}
	return n, true
}

// parsePairs reads lines "key number" (flat keyed). bad is the first line that is none.
func parsePairs(text string) (pairs map[string]uint64, bad string) {
	pairs = map[string]uint64{}
	for line := range strings.Lines(text) {
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, ok := parseNumber(value)
		if !found || !ok || key == "" {
			return pairs, line
		}
		pairs[key] = n
	}
	return pairs, ""
}

// parseNumbers reads numbers with spaces between them, and one behind the last in cgroup v1.
func parseNumbers(text string) (numbers []uint64, ok bool) {
	for _, field := range strings.Fields(text) {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	return numbers, true
}

// maxListed bounds a list of processors or memory nodes: the kernel knows at most 8192 of the one and 1024 of the other.
const maxListed = 1 << 14

// parseList reads a list of processors or memory nodes, "0-3,8" (cpuset(7), "List format").
func parseList(text string) (list []uint16, ok bool) {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 16)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || last < first || len(list)+int(last-first) >= maxListed {
			return nil, false
		}
		for n := first; n <= last; n++ {
			list = append(list, uint16(n))
		}
	}
	return list, true
}

// parsePressure reads "some avg10=0.12 avg60=0.00 avg300=0.00 total=17" and the same for "full", which cpu.pressure lacks
// before Linux 5.13.
func parsePressure(text string) (p PSI, ok bool) {
	found := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return p, false
		}
		var data *PSIData
		switch fields[0] {
		case "some":
			data = &p.Some
		case "full":
			data = &p.Full
		default:
			continue
		}
		if !data.parse(fields[1:]) {
			return p, false
		}
		found = true
	}
	return p, found
}

func (d *PSIData) parse(fields []string) bool {
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		var err error
		switch key {
		case "avg10":
			d.Avg10, err = parsePercent(value)
		case "avg60":
			d.Avg60, err = parsePercent(value)
		case "avg300":
			d.Avg300, err = parsePercent(value)
		case "total":
			d.Total, err = strconv.ParseUint(value, 10, 64)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// parsePercent refuses what ParseFloat takes beyond plain numbers: no JSON can hold "Inf" or "NaN".
func parsePercent(value string) (float64, error) {
	if strings.Trim(value, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(value, 64)
}

// parseDevice reads "8:16".
func parseDevice(text string) (major, minor uint64, ok bool) {
	first, second, found := strings.Cut(text, ":")
	major, err := strconv.ParseUint(first, 10, 32)
	if err != nil || !found {
		return 0, 0, false
	}
	minor, err = strconv.ParseUint(second, 10, 32)
	return major, minor, err == nil
}

// quote quotes a piece of a file for an error, and cuts it.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}
