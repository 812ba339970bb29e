package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// The completions of the shells are made from the definitions of the commands, as the manual pages are: after a change of a
// flag, go test -run TestCompletionFiles . -update

// choices are the words that a flag takes, where it takes no other.
var choices = map[string]string{
	"--format": "table json", "--log-format": "text json", "--log-level": "error warning debug",
	"--cgroup-manager": "cgroupfs systemd disabled", "--rootless": "true false auto",
}

// verb is a command as the shells see it.
type verb struct {
	name, usage string
	existing    bool // its argument is the ID of a container that exists
	flags       []option
}

type option struct {
	names []string // with dashes
	usage string
	takes bool // a value
}

func optionsOf(flags []cli.Flag) (list []option) {
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
			continue
		}
		doc := f.(cli.DocGenerationFlag)
		o := option{usage: strings.ReplaceAll(doc.GetUsage(), "`", ""), takes: doc.TakesValue()}
		for _, name := range f.Names() {
			o.names = append(o.names, strings.Repeat("-", min(2, len(name)))+name)
		}
		list = append(list, o)
	}
	return list
}

func verbsOf(app *cli.App) (list []verb) {
	for _, c := range app.VisibleCommands() {
		v := verb{name: c.Name, usage: c.Usage, flags: optionsOf(append(c.Flags, cli.HelpFlag))}
		v.existing = strings.Contains(c.UsageText+" ", " ID ") && !slices.Contains([]string{"create", "run", "plan"}, c.Name)
		list = append(list, v)
	}
	return list
}

// words are all names of the options; valued those of them that take a value.
func words(list []option) (all, valued []string) {
	for _, o := range list {
		all = append(all, o.names...)
		if o.takes {
			valued = append(valued, o.names...)
		}
	}
	return all, valued
}

func bashCompletion(global []option, verbs []verb) string {
	var b strings.Builder
	all, valued := words(global)
	b.WriteString("# bash completion of tare(8); made by completion_test.go.\n\n_tare() {\n" +
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word i\n" +
		"\tlocal flags='" + strings.Join(all, " ") + "' valued=' " + strings.Join(valued, " ") + " ' ids= global=()\n" +
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tword=${COMP_WORDS[i]}\n\t\tcase $word in\n" +
		"\t\t--root) global=(--root \"${COMP_WORDS[i+1]}\") ;;\n\t\t--root=*) global=(\"$word\") ;;\n\t\tesac\n" +
		"\t\tif [[ $valued == *\" $word \"* ]]; then\n\t\t\t((++i))\n\t\telif [[ $word != -* ]]; then\n\t\t\tverb=$word\n\t\t\tbreak\n\t\tfi\n\tdone\n" +
		"\tcase $verb in\n")
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
		all, valued := words(v.flags)
		ids := ""
		if v.existing {
			ids = " ids=1"
		}
		b.WriteString("\t" + v.name + ") flags='" + strings.Join(all, " ") + "' valued=' " + strings.Join(valued, " ") + " '" + ids + " ;;\n")
	}
	b.WriteString("\tesac\n\tCOMPREPLY=()\n\tif [[ $valued == *\" $prev \"* ]]; then\n\t\tcase $prev in\n")
	for _, flag := range slices.Sorted(keys(choices)) {
		b.WriteString("\t\t" + flag + ") COMPREPLY=($(compgen -W '" + choices[flag] + "' -- \"$cur\")) ;;\n")
	}
	b.WriteString("\t\tesac\n\t\treturn # otherwise files\n\tfi\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n" +
		"\telif [[ -z $verb ]]; then\n\t\tCOMPREPLY=($(compgen -W '" + strings.Join(names, " ") + "' -- \"$cur\"))\n" +
		"\telif [[ -n $ids ]]; then\n\t\tids=$(\"${COMP_WORDS[0]}\" \"${global[@]}\" list --quiet 2>/dev/null)\n" +
		"\t\tif [[ $verb == kill && \" \"${ids//$'\\n'/ }\" \" == *\" $prev \"* ]]; then\n\t\t\tids='TERM KILL HUP INT QUIT USR1 USR2 STOP CONT'\n\t\tfi\n" +
		"\t\t[[ $verb == mounts && $prev == mounts ]] && ids='add remove'\n" +
		"\t\tCOMPREPLY=($(compgen -W \"$ids\" -- \"$cur\"))\n\tfi\n}\n\ncomplete -o default -F _tare tare\n")
	return b.String()
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// quote writes a word for zsh and fish.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func zshCompletion(global []option, verbs []verb) string {
	var b strings.Builder
	specs := func(list []option, indent string) {
		escape := strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`)
		for _, o := range list {
			for _, name := range o.names {
				value := ""
				if o.takes {
					value = ":value:_files"
				}
				for _, other := range o.names {
					if words, ok := choices[other]; ok {
						value = ":value:(" + words + ")"
					}
				}
				b.WriteString(" \\\n" + indent + quote(name+"["+escape.Replace(o.usage)+"]"+value))
			}
		}
	}
	b.WriteString("#compdef tare\n# zsh completion of tare(8); made by completion_test.go.\n\n_tare_ids() {\n\tlocal ids\n" +
		"\tids=(${(f)\"$(tare ${opt_args[--root]:+--root=${opt_args[--root]}} list --quiet 2>/dev/null)\"})\n\t_describe container ids\n}\n\n" +
		"_tare() {\n\tlocal context state line\n\ttypeset -A opt_args\n\t_arguments -C")
	specs(global, "\t\t")
	b.WriteString(" \\\n\t\t'1:command:->verb' '*::argument:->rest'\n\tcase $state in\n\tverb)\n\t\tlocal verbs=(")
	for _, v := range verbs {
		b.WriteString("\n\t\t\t" + quote(v.name+":"+v.usage))
	}
	b.WriteString("\n\t\t)\n\t\t_describe command verbs\n\t\t;;\n\trest)\n\t\tcase $words[1] in\n")
	for _, v := range verbs {
		b.WriteString("\t\t" + v.name + ")\n\t\t\t_arguments")
		specs(v.flags, "\t\t\t\t")
		switch {
		case v.name == "kill":
			b.WriteString(" \\\n\t\t\t\t'1:container:_tare_ids' '2:signal:(TERM KILL HUP INT QUIT USR1 USR2 STOP CONT)'")
		case v.name == "mounts":
			b.WriteString(" \\\n\t\t\t\t'1:action:(add remove)' '2:container:_tare_ids' '3:file:_files'")
		case v.existing:
			b.WriteString(" \\\n\t\t\t\t'1:container:_tare_ids'")
		}
		b.WriteString("\n\t\t\t;;\n")
	}
	b.WriteString("\t\tesac\n\t\t;;\n\tesac\n}\n\n_tare \"$@\"\n")
	return b.String()
}

func fishCompletion(global []option, verbs []verb) string {
	var b strings.Builder
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	b.WriteString("# fish completion of tare(8); made by completion_test.go.\n\nset -l verbs " + strings.Join(names, " ") + "\n")
	write := func(condition string, list []option) {
		for _, o := range list {
			b.WriteString("complete -c tare -n " + quote(condition))
			for _, name := range o.names {
				if strings.HasPrefix(name, "--") {
					b.WriteString(" -l " + name[2:])
				} else {
					b.WriteString(" -s " + name[1:])
				}
			}
			if o.takes {
				b.WriteString(" -r")
			}
			for _, name := range o.names {
				if words, ok := choices[name]; ok {
					b.WriteString(" -f -a " + quote(words))
				}
			}
			b.WriteString(" -d " + quote(o.usage) + "\n")
		}
	}
	write("not __fish_seen_subcommand_from "+strings.Join(names, " "), global)
	for _, v := range verbs {
		b.WriteString("complete -c tare -f -n \"not __fish_seen_subcommand_from $verbs\" -a " + v.name + " -d " + quote(v.usage) + "\n")
		write("__fish_seen_subcommand_from "+v.name, v.flags)
		if v.name == "mounts" {
			b.WriteString("complete -c tare -n '__fish_seen_subcommand_from mounts' -a 'add remove'\n")
		}
		if v.existing {
			b.WriteString("complete -c tare -f -n " + quote("__fish_seen_subcommand_from "+v.name) + " -a '(tare list --quiet 2>/dev/null)'\n")
		}
	}
	return b.String()
}

// C37: the files that are installed are what the commands say.
func TestCompletionFiles(t *testing.T) {
	app := newProgram("tare", io.Discard, io.Discard).app()
	app.Setup()
	global, verbs := optionsOf(app.Flags), verbsOf(app)
	for name, want := range map[string]string{
		"tare.bash": bashCompletion(global, verbs), "_tare": zshCompletion(global, verbs), "tare.fish": fishCompletion(global, verbs),
	} {
		path := filepath.Join("completions", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Error(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s differs from the commands (%v); the flag -update rewrites it", path, err)
		}
	}
}

// C37: what bash offers.
func TestBashCompletion(t *testing.T) {
	bin := t.TempDir()
	fake := "#!/bin/sh\n[ \"$*\" = 'list --quiet' ] && echo web1 && echo web2\n[ \"$*\" = '--root /x list --quiet' ] && echo other\n"
	if err := os.WriteFile(filepath.Join(bin, "tare"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"tare sta":                        "start state",
		"tare --log-format ":              "text json",
		"tare --log /tmp/x res":           "resume",
		"tare start ":                     "web1 web2",
		"tare --root /x start ":           "other",
		"tare kill web1 K":                "KILL",
		"tare delete --f":                 "--force",
		"tare create --bund":              "--bundle",
		"tare create ":                    "",
		"tare run --bundle ":              "",
		"tare --cgroup-manager systemd l": "list",
		"tare list --format t":            "table",
	} {
		script := `. completions/tare.bash
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tare; echo "${COMPREPLY[*]}"`
		words := strings.Split(line, " ")
		c := exec.Command("bash", append([]string{"-c", script, "bash"}, words...)...)
		c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
}

// C37: the other shells can read theirs.
func TestCompletionSyntax(t *testing.T) {
	for shell, file := range map[string]string{"zsh": "_tare", "fish": "tare.fish"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not installed; tests/deps test does that", shell)
			continue
		}
		if out, err := exec.Command(shell, "-n", "completions/"+file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}
