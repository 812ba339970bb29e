package integration

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const phrasesFile = "testdata/phrases.txt"

// phrase is a message that engines search for words: Docker takes the exit status from them, containerd and CRI-O learn
// that a container is gone.
type phrase struct {
	name    string
	matched string // what an engine looks for, in the case in which it does
	message func(t *testing.T) result
}

// failing is a create that cannot run its program.
func failing(program string, options ...option) func(*testing.T) result {
	return func(t *testing.T) result {
		b := newBundle(t, append(options, withArgs(program))...)
		b.file("etc/plain", "text\n")
		must(t, unix.Chmod(b.path("etc/plain"), 0o644))
		return b.try("create")
	}
}

// failingExec is an exec that cannot run its program, in a container that runs.
func failingExec(program string, flags ...string) func(*testing.T) result {
	return func(t *testing.T) result {
		b := running(t)
		b.file("etc/plain", "text\n")
		must(t, unix.Chmod(b.path("etc/plain"), 0o644))
		return b.exec(flags, program)
	}
}

// stopped is a verb of a container whose program has ended.
func stopped(verb string, flags ...string) func(*testing.T) result {
	return func(t *testing.T) result {
		b := newBundle(t, withArgs("true")).create().start()
		b.wait()
		return b.try(verb, flags...)
	}
}

// later is a start, which finds what create could not.
func later(program, content string) func(*testing.T) result {
	return func(t *testing.T) result {
		b := newBundle(t, withArgs(program))
		b.file(program, content)
		return b.create().try("start")
	}
}

var phrases = []phrase{
	{"program not on PATH", "executable file not found in $PATH", failing("nosuch")},
	{"program missing", "no such file or directory", failing("/no/such")},
	{"program not executable", "permission denied", failing("/etc/plain")},
	{"program a directory", "is a directory", failing("/etc")},
	{"program not executable by the user", "permission denied", func(t *testing.T) result {
		b := newBundle(t, withArgs("/private"), withUser(1000, 1000))
		b.file("private", "#!/bin/sh\n")
		must(t, unix.Chmod(b.path("private"), 0o700))
		return b.try("create")
	}},
	{"program through a file", "not a directory", failing("/etc/passwd/x")},
	{"working directory a file", "not a directory", failing("true", withProcess(func(p *specs.Process) { p.Cwd = "/etc/passwd" }))},
	{"script without its interpreter", "no such file or directory", later("/script", "#!/no/interpreter\n")},
	{"script with CR LF", "no such file or directory", later("/script", "#!/bin/sh\r\necho x\r\n")},
	{"program in no known format", "exec format error", later("/script", "echo x\n")},
	{"mount source missing", "no such file or directory", failing("true", withBind("/no/source", "/mnt"))},
	{"id in use", "container with given ID already exists", func(t *testing.T) result { return newBundle(t).create().try("create") }},
	{"start of nothing", "does not exist", func(t *testing.T) result { return newBundle(t).try("start") }},
	{"state of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("state") }},
	{"kill of nothing", "does not exist", func(t *testing.T) result { return newBundle(t).try("kill") }},
	{"delete of nothing", "does not exist", func(t *testing.T) result { return newBundle(t).try("delete") }},
	{"start twice", "cannot start an already running container", func(t *testing.T) result { return newBundle(t).create().start().try("start") }},
	{"kill of a stopped container", "container not running", stopped("kill")},
	{"start of a stopped container", "cannot start a container that has stopped", stopped("start")},
	{"delete of a running container", "that is not stopped: running", func(t *testing.T) result { return newBundle(t).create().start().try("delete") }},
	{"delete of a paused container", "that is not stopped: paused", func(t *testing.T) result {
		b := newBundle(t).create().start()
		b.try("pause").succeeds()
		return b.try("delete")
	}},
	{"start of a paused container", "cannot start a paused container", func(t *testing.T) result {
		b := newBundle(t).create()
		b.try("pause").succeeds()
		return b.try("start")
	}},
	{"resume of a running container", "container not paused", func(t *testing.T) result { return newBundle(t).create().start().try("resume") }},
	{"pause of a stopped container", "container not running", stopped("pause")},
	{"pause of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("pause") }},
	{"update of a stopped container", "container not running", stopped("update", "--pids-limit=5")},
	{"update of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("update", "--pids-limit=5") }},
	{"delete twice", "does not exist", func(t *testing.T) result {
		b := newBundle(t, withArgs("true")).create().start()
		b.wait()
		b.try("delete").succeeds()
		return b.try("delete")
	}},
	{"kill by number of nothing", "does not exist", func(t *testing.T) result { requireRoot(t); return run(t, "kill", "tare-it-0-0", "9") }},
	{"pause twice", "container already paused", func(t *testing.T) result {
		b := newBundle(t).create().start()
		b.try("pause").succeeds()
		return b.try("pause")
	}},
	{"resume of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("resume") }},
	{"ps of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("ps", "--format", "json") }},
	{"events of nothing", "container does not exist", func(t *testing.T) result { return newBundle(t).try("events", "--stats") }},
	{"bundle missing", "no such file or directory", func(t *testing.T) result { return newBundle(t).try("create", "--bundle", "/nonexist") }},
	{"mount of a directory onto a file", "not a directory", failing("true", withBind("/usr", "/etc/passwd"))},
	{"exec of a program not on PATH", "executable file not found in $PATH", failingExec("nosuch")},
	{"exec of a missing program", "no such file or directory", failingExec("/no/such")},
	{"exec of a program not executable", "permission denied", failingExec("/etc/plain")},
	{"exec of a directory", "is a directory", failingExec("/etc")},
	{"exec in a missing directory", "no such file or directory", failingExec("true", "--cwd", "/nosuch")},
	{"exec in nothing", "container does not exist", func(t *testing.T) result { requireRoot(t); return run(t, "exec", "tare-it-0-0", "true") }},
	{"exec in a stopped container", "cannot exec in a stopped container", func(t *testing.T) result {
		b := newBundle(t, withArgs("true")).create().start()
		b.wait()
		return b.exec(nil, "true")
	}},
	{"exec in a paused container", "cannot exec in a paused container (use --ignore-paused to override)", func(t *testing.T) result {
		b := running(t)
		b.try("pause").succeeds()
		return b.exec(nil, "true")
	}},
	{"terminal that nobody takes", "cannot allocate tty if", failing("true", withProcess(withTerminal))},
}

var testID = regexp.MustCompile(`tare-it-[0-9]+-[0-9]+`)

// A3 A9 B13: the whole line of each, in a file, so that a change of words is seen in review; and the words that engines match.
func TestPhrases(t *testing.T) {
	var got strings.Builder
	for _, p := range phrases {
		t.Run(p.name, func(t *testing.T) {
			r := p.message(t)
			if r.args[0] == "exec" {
				r.refuses(p.matched)
			} else {
				r.fails(p.matched)
			}
			if r.stdout != "" {
				t.Errorf("%v", r)
			}
			got.WriteString(p.name + ": " + testID.ReplaceAllString(r.message(), "ID") + "\n")
		})
	}
	if *update {
		must(t, os.WriteFile(phrasesFile, []byte(got.String()), 0o644))
	}
	want := read(t, phrasesFile)
	if !t.Failed() && got.String() != want && strings.Count(got.String(), "\n") == len(phrases) {
		t.Errorf("the messages differ from %s (-update rewrites it):\n%s", phrasesFile, got.String())
	}
}

// E9 B13: what Docker makes 126 and 127 of is an error of create, so that start never begins.
func TestProgramIsLookedUpByCreate(t *testing.T) {
	b := newBundle(t, withArgs("nosuch"))
	b.try("create").fails(`exec: "nosuch": executable file not found in $PATH`)
	b.nothingLeft()
	b.spec.Process.Args = []string{"/etc"}
	b.try("create").fails(`exec: "/etc": is a directory`)
	b.spec.Process.Args = []string{"/no/such"}
	b.try("create").fails(`exec: "/no/such": stat /no/such: no such file or directory`)
}

// C16: a start that fails at the last moment leaves a stopped container, which delete removes.
func TestStartFailsLate(t *testing.T) {
	b := newBundle(t, withArgs("/script"))
	b.file("script", "#!/no/interpreter\n")
	b.create()
	b.try("start").fails("no such file or directory", "/no/interpreter")
	b.wait()
	wants(t, "status", b.state().Status, "stopped")
	b.try("delete").succeeds()
	b.nothingLeft()
}
