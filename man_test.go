package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "rewrite the first part of the manual pages from the definitions of the commands")

// The first part of each manual page, up to and with OPTIONS, says what --help says; the sections after it are written by
// hand. After a change of a flag: go test -run TestManualPages . -update
func TestManualPages(t *testing.T) {
	app := newProgram("tare", io.Discard, io.Discard).app()
	app.Setup()
	want := map[string]string{"tare.8.md": appPage(app)}
	for _, c := range app.Commands {
		if !c.Hidden && c.Name != "help" {
			want["tare-"+c.Name+".8.md"] = commandPage(c)
		}
	}
	for name, head := range want {
		path := filepath.Join("man", name)
		page, err := os.ReadFile(path)
		if err != nil && !*update {
			t.Error(err)
			continue
		}
		got, rest := splitPage(string(page))
		if got == head {
			continue
		}
		if !*update {
			t.Errorf("%s differs from --help; the flag -update rewrites it. It should begin:\n%s", path, head)
		} else if err := os.WriteFile(path, []byte(head+rest), 0o644); err != nil {
			t.Error(err)
		}
	}
	pages, err := filepath.Glob("man/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if _, ok := want[filepath.Base(page)]; !ok {
			t.Errorf("%s describes no command", page)
		}
	}
}

// splitPage cuts a page before the first section that is written by hand.
func splitPage(page string) (head, rest string) {
	for _, at := range regexp.MustCompile(`(?m)^# .*$`).FindAllStringIndex(page, -1) {
		switch page[at[0]+2 : at[1]] {
		case "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS":
		default:
			return page[:at[0]], page[at[0]:]
		}
	}
	return page, ""
}

func appPage(app *cli.App) string {
	var commands strings.Builder
	commands.WriteString("# COMMANDS\n\n")
	for _, c := range app.VisibleCommands() {
		page := ", **tare-" + c.Name + "**(8)"
		if c.Name == "help" {
			page = ""
		}
		commands.WriteString("**" + strings.Join(c.Names(), "**, **") + "**\n: " + c.Usage + page + "\n\n")
	}
	return pageHead("tare", app.Usage, app.UsageText, app.Description) + commands.String() + options(app.Flags)
}

func commandPage(c *cli.Command) string {
	flags := append(c.Flags, cli.HelpFlag) // urfave/cli adds it when the command runs
	return pageHead("tare-"+c.Name, c.Usage, c.UsageText, c.Description) + options(flags)
}

func pageHead(name, usage, synopsis, description string) string {
	return "% " + name + " 8\n\n# NAME\n\n" + name + " - " + usage + "\n\n# SYNOPSIS\n\n**" + synopsis + "**\n\n# DESCRIPTION\n\n" +
		description + "\n\n"
}

// options renders flags from the very string that --help prints: `--bundle DIR, -b DIR<tab>text`.
func options(flags []cli.Flag) string {
	var b strings.Builder
	b.WriteString("# OPTIONS\n\n")
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		names, text, _ := strings.Cut(f.String(), "\t")
		forms := strings.Split(names, ", ")
		for i, form := range forms {
			name, value, ok := strings.Cut(form, " ")
			if forms[i] = "**" + name + "**"; ok {
				forms[i] += " *" + value + "*"
			}
		}
		b.WriteString(strings.Join(forms, ", ") + "\n: " + text + "\n\n")
	}
	return b.String()
}
