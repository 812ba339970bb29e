package conformance

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// expectation is one line of expected.txt.
type expectation struct {
	program string
	verdict map[string]string // by view: "cgroup2", "hybrid"
	reason  string
}

// views are the cgroup layouts that verdicts are recorded for, in the order of the columns.
var views = []string{"cgroup2", "hybrid"}

// readExpected reads the file: `program verdict verdict reason…`, "#" starts a comment. A verdict is "pass", "fail:…" (see
// report.verdict), "fail" for whatever failure, or "any" where the outcome is a property of the host.
func readExpected(path string) (header string, list []expectation, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	for number, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "#") {
			header += line + "\n"
			continue
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 1+len(views) {
			return "", nil, fmt.Errorf("%s:%d: %d columns, want %d or more", path, number+1, len(words), 1+len(views))
		}
		e := expectation{program: words[0], verdict: map[string]string{}, reason: strings.Join(words[1+len(views):], " ")}
		for i, view := range views {
			e.verdict[view] = words[1+i]
			if words[1+i] != "pass" && e.reason == "" {
				return "", nil, fmt.Errorf("%s:%d: %s does not pass and gives no reason", path, number+1, e.program)
			}
		}
		list = append(list, e)
	}
	return header, list, nil
}

// met says whether an observed verdict is the expected one.
func met(expected, observed string) bool {
	switch expected {
	case "any":
		return true
	case "fail":
		return observed != "pass"
	}
	return expected == observed
}

// writeExpected writes the file again with what was observed; reasons and looser expectations that were met stay.
func writeExpected(path, header string, list []expectation, observed map[string]map[string]string) error {
	var out strings.Builder
	out.WriteString(header)
	slices.SortFunc(list, func(a, b expectation) int { return strings.Compare(a.program, b.program) })
	for _, e := range list {
		row := fmt.Sprintf("%-32s", e.program)
		passes := true
		for _, view := range views {
			if got, ok := observed[view][e.program]; ok && !met(e.verdict[view], got) {
				e.verdict[view] = got
			}
			passes = passes && e.verdict[view] == "pass"
			row += fmt.Sprintf(" %-18s", e.verdict[view])
		}
		if passes {
			e.reason = ""
		} else if e.reason == "" {
			e.reason = "(no reason given yet)"
		}
		out.WriteString(strings.TrimRight(row+" "+e.reason, " ") + "\n")
	}
	return os.WriteFile(path, []byte(out.String()), 0o644)
}
