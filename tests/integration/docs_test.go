package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A document's blocks say in their first line what they are:
//
//	sh         commands of root, run by TestGuides one after another in the directory where the block before it ended
//	sh user    the same for a user who is not root
//	sh systemd the same, where systemd is process 1
//	sh host    commands that change the host; hostBlocks names the test that runs the like
//	output     what the block before it prints, where "…" stands for anything within a line, and as a line for any lines
//	json, ...  no commands
type block struct {
	kind, text string
	line       int
}

var fence = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")

func blocks(document string) (found []block) {
	for _, at := range fence.FindAllStringSubmatchIndex(document, -1) {
		found = append(found, block{kind: document[at[2]:at[3]], text: document[at[4]:at[5]], line: 1 + strings.Count(document[:at[0]], "\n")})
	}
	return found
}

// documents are the texts for users.
func documents(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	if len(guides) == 0 {
		t.Fatal("there are no documents here")
	}
	return append(guides, "../../README.md", "../../CONTRIBUTING.md")
}

// hostBlocks are the blocks that are not run from the document, by how document and block begin, and where the like of them is
// run: a file, and what it says there.
var hostBlocks = map[string][2]string{
	"README.md: git clone":               {".ci/run", "make test"},
	"README.md: sudo make install":       {"tests/install", "make"},
	"CONTRIBUTING.md: make":              {".ci/run", "make test"},
	"rootless.md: mkdir -p /etc/systemd": {"tests/vm/systemd-image", `printf '[Service]\nDelegate=cpu cpuset io memory pids\n'`},
	"moving.md: sudo make install":       {"tests/install", "make"},
}

// needs are the controllers that a guide's commands set limits with.
var needs = map[string][]string{"limits-and-devices.md": {"memory", "pids", "cpu"}}

// The commands of the documents work as they stand, and print what the documents say.
func TestGuides(t *testing.T) {
	requireRoot(t)
	for _, path := range documents(t) {
		t.Run(filepath.Base(path), func(t *testing.T) { newGuide(t).follow(path) })
	}
}

// Those too that need systemd.
func TestSystemdGuides(t *testing.T) {
	requireSystemd(t)
	for _, path := range documents(t) {
		if strings.Contains(read(t, path), "```sh systemd\n") {
			t.Run(filepath.Base(path), func(t *testing.T) {
				g := newGuide(t)
				g.systemd = true
				g.follow(path)
			})
		}
	}
}

// Every block of a document says what it is, so that no command escapes from TestGuides.
func TestBlocksAreNamed(t *testing.T) {
	used := map[string]bool{}
	for _, path := range documents(t) {
		name := filepath.Base(path)
		for _, b := range blocks(read(t, path)) {
			switch b.kind {
			case "sh", "sh user", "sh systemd", "output", "toml", "yaml", "text", "go":
			case "json":
				if !json.Valid([]byte(b.text)) {
					t.Errorf("%s:%d: it is not JSON", name, b.line)
				}
			case "sh host":
				key := hostBlock(name + ": " + b.text)
				if key == "" {
					t.Errorf("%s:%d: hostBlocks has no test for it", name, b.line)
					continue
				}
				used[key] = true
				if like := hostBlocks[key]; !strings.Contains(read(t, "../../"+like[0]), like[1]) {
					t.Errorf("%s:%d: %s does not say %q", name, b.line, like[0], like[1])
				}
			default:
				t.Errorf("%s:%d: a block of kind %q", name, b.line, b.kind)
			}
		}
	}
	for key := range hostBlocks {
		if !used[key] {
			t.Errorf("hostBlocks has %q, which is in no document", key)
		}
	}
}

func hostBlock(block string) string {
	for key := range hostBlocks {
		if strings.HasPrefix(block, key) {
			return key
		}
	}
	return ""
}

// guide is a document that is followed.
type guide struct {
	t        *testing.T
	dir, bin string // where the last block ended; where tare is
	user     *rootless
	systemd  bool     // is process 1
	screen   *os.File // all output, also of containers that a block before has created
	output   string   // during the last block
}

func newGuide(t *testing.T) *guide {
	g := &guide{t: t, dir: t.TempDir(), bin: t.TempDir()}
	root := t.TempDir() // the containers have ordinary names
	must(t, os.WriteFile(filepath.Join(g.bin, "tare"), []byte("#!/bin/sh\nexec "+tare+" --root "+root+" \"$@\"\n"), 0o755))
	t.Cleanup(func() {
		for id := range strings.FieldsSeq(run(t, "--root", root, "list", "--quiet").stdout) {
			run(t, "--root", root, "delete", "--force", id)
			if !t.Failed() {
				t.Errorf("container %s is left", id)
			}
		}
	})
	screen, err := os.OpenFile(filepath.Join(t.TempDir(), "screen"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	must(t, err)
	t.Cleanup(func() { screen.Close() })
	g.screen = screen
	return g
}

// follow does what a document says, from top to bottom.
func (g *guide) follow(path string) {
	for _, controller := range needs[filepath.Base(path)] {
		requireController(g.t, controller)
	}
	for _, b := range blocks(read(g.t, path)) {
		switch b.kind {
		case "sh":
			g.run(b)
		case "sh systemd":
			if g.systemd {
				g.run(b)
			}
		case "sh user":
			g.runAsUser(b)
		case "output":
			g.printed(b)
		}
	}
}

// run has a shell do the commands of a block and tell in which directory it ended.
func (g *guide) run(b block) {
	g.t.Helper()
	end := filepath.Join(g.t.TempDir(), "directory")
	c := exec.Command("/bin/sh", "-euc", b.text+"\npwd >"+end)
	c.Dir = g.dir
	c.Env = append(os.Environ(), "PATH="+g.bin+":"+os.Getenv("PATH"), "XDG_RUNTIME_DIR="+g.dir)
	g.finish(b, c, end)
}

// runAsUser does the same for the user of the rootless tests, whose binary is on PATH too.
func (g *guide) runAsUser(b block) {
	g.t.Helper()
	if g.user == nil {
		g.user = newRootless(g.t)
		program, err := rootlessBinary()
		must(g.t, err)
		must(g.t, os.MkdirAll(g.user.dir+"/bin", 0o755))
		must(g.t, os.Symlink(program, g.user.dir+"/bin/tare"))
		g.dir = g.user.dir + "/home"
		must(g.t, os.Mkdir(g.dir, 0o700))
		must(g.t, os.Chown(g.dir, rootlessUID, rootlessUID))
	}
	end := filepath.Join(g.user.dir, "xdg", "directory")
	c := exec.Command("unshare", "-m", "sh", "-c", rootlessScript, "sh", "/bin/sh", "-euc", "PATH="+g.user.dir+"/bin:$PATH\n"+b.text+"\npwd >"+end)
	c.Dir = g.dir
	c.Env = append(os.Environ(), g.user.environment()...)
	g.finish(b, c, end)
}

func (g *guide) finish(b block, c *exec.Cmd, end string) {
	g.t.Helper()
	before := len(read(g.t, g.screen.Name()))
	c.Stdout, c.Stderr = g.screen, g.screen
	err := c.Run()
	g.output = read(g.t, g.screen.Name())[before:]
	if err != nil {
		g.t.Fatalf("line %d: %v\n%s", b.line, err, g.output)
	}
	g.dir = strings.TrimSpace(read(g.t, end))
}

// printed compares the output of the last block with what the document shows.
func (g *guide) printed(b block) {
	g.t.Helper()
	if pattern := outputPattern(b.text); !pattern.MatchString(g.output) {
		g.t.Errorf("line %d: the commands print\n%s", b.line, g.output)
	}
}

func outputPattern(text string) *regexp.Regexp {
	var p strings.Builder
	p.WriteString(`\A`)
	for line := range strings.Lines(text) {
		if line == "…\n" {
			p.WriteString(`(?:.*\n)*`)
			continue
		}
		p.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"))
	}
	return regexp.MustCompile(p.String() + `\z`)
}

func TestOutputPattern(t *testing.T) {
	for _, row := range []struct {
		text, output string
		want         bool
	}{
		{"a\n", "a\n", true}, {"a\n", "a\nb\n", false}, {"a.c\n", "abc\n", false},
		{"pid …\n", "pid 17\n", true}, {"pid …\n", "pid 17\nx\n", false},
		{"a\n…\nb\n", "a\nx\ny\nb\n", true}, {"a\n…\nb\n", "a\nb\n", true}, {"a\n…\nb\n", "a\nx\n", false},
	} {
		if got := outputPattern(row.text).MatchString(row.output); got != row.want {
			t.Errorf("%s", fmt.Sprintf("%q matches %q: %v", row.text, row.output, got))
		}
	}
}
