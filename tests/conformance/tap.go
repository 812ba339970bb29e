package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
)

// report is what one validation program said in the Test Anything Protocol.
type report struct {
	failed  []int    // numbers of the "not ok" lines
	planned int      // from "1..N"; -1 without a plan
	ran     int      // "ok" and "not ok" lines
	orphans []string // errors in diagnostics that belong to no test line
}

// readTAP reads the output of a program. The programs speak TAP loosely in one way that matters: an error which they have
// no test line for is printed as a diagnostic block of its own, and the exit status stays 0.
func readTAP(r io.Reader) (report, error) {
	rep := report{planned: -1}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20) // runtimetest's whole output is quoted in one diagnostic line
	afterTest := false
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "ok "), strings.HasPrefix(line, "not ok "):
			rep.ran++
			if n, failed := failedNumber(line, rep.ran); failed {
				rep.failed = append(rep.failed, n)
			}
			afterTest = true
		case strings.HasPrefix(line, "1.."):
			// Some programs print a second, empty plan when they exit.
			if n, err := strconv.Atoi(strings.TrimSpace(line[len("1.."):])); err == nil && rep.planned < 0 {
				rep.planned = n
			}
		case strings.TrimSpace(line) == "---":
			if text := diagnosticError(lines); text != "" && !afterTest {
				rep.orphans = append(rep.orphans, text)
			}
			afterTest = false
		}
	}
	return rep, lines.Err()
}

// failedNumber returns the number of a "not ok" line; a line without one counts by its position, as TAP says.
func failedNumber(line string, position int) (int, bool) {
	rest, failed := strings.CutPrefix(line, "not ok ")
	if !failed || strings.Contains(strings.ToUpper(line), "# TODO") {
		return 0, false
	}
	word, _, _ := strings.Cut(rest, " ")
	if n, err := strconv.Atoi(word); err == nil {
		return n, true
	}
	return position, true
}

// diagnosticError reads the rest of a diagnostic block, which is JSON here, and returns its "error" entry.
func diagnosticError(lines *bufio.Scanner) string {
	var block strings.Builder
	for lines.Scan() && strings.TrimSpace(lines.Text()) != "..." {
		block.WriteString(lines.Text())
	}
	var content struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(block.String()), &content) != nil {
		return ""
	}
	return content.Error
}

// verdict is "pass", or "fail:" and everything that went wrong: numbers of failed lines, "diagnostic", "plan", "exit".
func (r report) verdict(exitStatus int) string {
	var wrong []string
	slices.Sort(r.failed)
	for _, n := range slices.Compact(r.failed) {
		wrong = append(wrong, strconv.Itoa(n))
	}
	if len(r.orphans) > 0 {
		wrong = append(wrong, "diagnostic")
	}
	if r.planned >= 0 && r.planned != r.ran {
		wrong = append(wrong, "plan")
	}
	if exitStatus != 0 {
		wrong = append(wrong, "exit")
	}
	if len(wrong) == 0 {
		return "pass"
	}
	return "fail:" + strings.Join(wrong, ",")
}
