package integration

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// flagRow is an option in the table of docs/moving.md.
type flagRow struct{ runc, crun, tare string }

var optionName = regexp.MustCompile("`(--?[a-z0-9-]+)`")

// documentedFlags is that table, by "VERB --option"; the verb of global options is "all".
func documentedFlags(t *testing.T) map[string]flagRow {
	t.Helper()
	table := map[string]flagRow{}
	for line := range strings.Lines(read(t, "../../docs/moving.md")) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(cells) != 5 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		for verb := range strings.SplitSeq(cells[0], ", ") {
			for _, name := range optionName.FindAllStringSubmatch(cells[1], -1) {
				if len(name[1]) > 2 {
					table[verb+" "+name[1]] = flagRow{cells[2], cells[3], cells[4]}
				}
			}
		}
	}
	return table
}

var helpFlag = regexp.MustCompile(`(?m)^ +(?:-\S, )*(--[a-z0-9-]+)`)

// flagsOf are the long options in the help of a verb; nil if there is no such verb.
func flagsOf(program, verb string) []string {
	args := []string{verb, "--help"}
	if verb == "all" {
		args = args[1:]
	}
	output, err := exec.Command(program, args...).Output() // help needs neither root nor anything else
	if err != nil {
		return nil
	}
	flags := []string{"--help"}
	for _, m := range helpFlag.FindAllStringSubmatch(string(output), -1) {
		if m[1] != "--usage" || verb == "all" { // crun has it with every verb
			flags = append(flags, m[1])
		}
	}
	return flags
}

var verbsOfOthers = []string{"all", "create", "start", "state", "kill", "delete", "run", "exec", "list", "ps", "pause", "resume", "update", "events", "spec", "features"}

// The table of docs/moving.md has every option in which tare differs from the runc and crun that are installed, and says of them
// what is true.
func TestOptionsOfOthers(t *testing.T) {
	table := documentedFlags(t)
	for _, other := range []string{"runc", "crun"} {
		t.Run(other, func(t *testing.T) {
			if !commandExists(other) {
				t.Skip(other + " is not installed here; tests/deps engines does that on the host")
			}
			for _, verb := range verbsOfOthers {
				compareOptions(t, other, verb, table)
			}
		})
	}
}

func compareOptions(t *testing.T, other, verb string, table map[string]flagRow) {
	t.Helper()
	theirs, ours := flagsOf(other, verb), flagsOf(tare, verb)
	if theirs == nil {
		return
	}
	for _, flag := range slices.Concat(theirs, ours) {
		has, have := slices.Contains(theirs, flag), slices.Contains(ours, flag)
		row, listed := table[verb+" "+flag]
		if has != have && !listed {
			t.Errorf("%s %s: %s has it: %v, tare has it: %v; docs/moving.md does not say so", verb, flag, other, has, have)
		}
		cell := row.runc
		if other == "crun" {
			cell = row.crun
		}
		if cell == "yes" && !has || cell == "no" && has {
			t.Errorf("%s %s: docs/moving.md says %q of %s", verb, flag, cell, other)
		}
	}
}

// What the table says of tare itself. An option that it accepts without showing it in the help is not "yes".
func TestOptionsOfTheTable(t *testing.T) {
	for name, row := range documentedFlags(t) {
		verb, flag, _ := strings.Cut(name, " ")
		args := []string{verb, flag}
		if verb == "all" {
			args = []string{flag, "value", "list"}
		}
		r := run(t, args...)
		if known := !strings.Contains(r.stderr, "flag provided but not defined"); known == strings.HasPrefix(row.tare, "no") {
			t.Errorf("%s: docs/moving.md says %q of tare: %v", name, row.tare, r)
		}
		if shown := slices.Contains(flagsOf(tare, verb), flag); shown != strings.HasPrefix(row.tare, "yes") {
			t.Errorf("%s: docs/moving.md says %q of tare, whose help shows it: %v", name, row.tare, shown)
		}
	}
}
