package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/engines-contract.md names the tests that hold each line of the contract. Each of them exists, each line has one, and no
// test of the contract and no row of the feature checklist that engines rely on is missing.
func TestEveryLineOfTheContractHasATest(t *testing.T) {
	exists, ofContract := map[string]bool{}, map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	eachGoFile(t, func(path string, content []byte) {
		for _, match := range function.FindAllSubmatch(content, -1) {
			exists[string(match[1])] = true
			if strings.HasPrefix(filepath.Base(path), "contract_") && path != "tests/contract_test.go" {
				ofContract[string(match[1])] = true
			}
		}
	})
	text, err := os.ReadFile(filepath.Join(root, "docs/engines-contract.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, named := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		row := strings.TrimSpace(cells[0])
		if !regexp.MustCompile(`^([1-5]\.[0-9]+|[ABC][0-9]+)$`).MatchString(row) {
			continue
		}
		rows[row] = true
		tests := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(tests) == 0 {
			t.Errorf("%s: no test holds it", row)
		}
		for _, name := range tests {
			named[name[1]] = true
			if !exists[name[1]] {
				t.Errorf("%s: there is no %s", row, name[1])
			}
		}
	}
	for name := range ofContract {
		if !named[name] {
			t.Errorf("%s is a test of the contract, and of no line of it", name)
		}
	}
	absent := regexp.MustCompile(`(?s)Not in this version: .*`).FindString(string(text))
	for section, last := range map[string]int{"1.": 20, "2.": 16, "3.": 11, "4.": 8, "5.": 5, "A": 12, "B": 15, "C": 37} {
		for i := 1; i <= last; i++ {
			row := fmt.Sprint(section, i)
			if missing := regexp.MustCompile(regexp.QuoteMeta(row) + `\b`).MatchString(absent); rows[row] == missing {
				t.Errorf("%s: in the table %v, among what is not in this version %v", row, rows[row], missing)
			}
		}
	}
}

// What engines search for in errors comes from the kernel, or from the two places that own such sentences. In any other text, a
// hint above all, the words would be there by accident, and a bundle without a config.json would be "is a directory" to Docker.
func TestOnlySentinelsSpeakToEngines(t *testing.T) {
	phrases := regexp.MustCompile(`(?i)executable file not found|no such file or directory|system cannot find the file|permission denied|` +
		`operation not permitted|is a directory|not a directory|open executable|already finished|container not running|no such process|` +
		`does not exist|invalid process|needs an argument|requires an argument`)
	owners := map[string]string{
		"internal/fault/sentinels.go":      "the sentinels",
		"libcontainer/process/lookpath.go": "the program that is not on PATH",
		"args.go":                          "an option without its value, as the flag parser says it",
	}
	eachGoFile(t, func(path string, content []byte) {
		if strings.HasSuffix(path, "_test.go") || within(path, "tests") || owners[path] != "" {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, content, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err == nil && phrases.MatchString(text) {
				t.Errorf("%s: %q has words that engines act on", set.Position(literal.Pos()), text)
			}
			return true
		})
	})
}
