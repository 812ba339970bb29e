package integration

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What engines do to a runtime, and what they read back: docs/engines-contract.md lists every line of it, with the tests that
// hold it. The files contract_*_test.go have those that no other file has.

// caller is an engine's way of calling the runtime: nothing is added to its command lines and environment.
type caller struct {
	*bundle
	globals string   // in front of the verb
	env     []string // all of it
	dir     string   // working directory
	log     string   // file of --log
	logged  int      // errors that it should hold by now
}

// newCaller makes a bundle for an engine. In the command lines BUNDLE is its directory, ID the container's id, and ROOT a
// runtime root. Without --root there it is the default one, below a /run of its own.
func newCaller(t *testing.T, globals string, options ...option) *caller {
	t.Helper()
	c := &caller{bundle: newBundle(t, options...), globals: globals, dir: "/"}
	c.log = filepath.Join(c.bundle.dir, "log.json")
	if !strings.Contains(globals, "--root") {
		must(t, unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
		t.Cleanup(func() { must(t, unix.Unmount("/run", unix.MNT_DETACH)) })
	}
	t.Cleanup(func() { // before the bundle goes
		c.call("delete --force ID", invocation{}).succeeds()
		if c.pid != 0 {
			delete(inits, c.pid)
		}
	})
	c.writeConfig()
	return c
}

// call runs one command line.
func (c *caller) call(line string, i invocation) result {
	c.t.Helper()
	replace := strings.NewReplacer("BUNDLE", c.bundle.dir, "ID", c.id, "ROOT", filepath.Join(c.bundle.dir, "state"))
	i.exact, i.args = true, strings.Fields(replace.Replace(c.globals+" "+line))
	if i.dir == "" {
		i.dir = c.dir
	}
	i.env = append(append([]string{}, c.env...), i.env...)
	return invoke(c.t, i)
}

// does demands that a command line succeeds without a word.
func (c *caller) does(line string) result {
	c.t.Helper()
	r := c.call(line, invocation{}).succeeds()
	if r.stderr != "" {
		c.t.Errorf("%v: success has something to say", r)
	}
	c.checkLog()
	return r
}

// refuses demands that a command line fails with status 1, and that the error is in the log too.
func (c *caller) refuses(line string, fragments ...string) result {
	c.t.Helper()
	r := c.call(line, invocation{}).fails(fragments...)
	if strings.Contains(c.globals, "--log") {
		c.logged++
		c.checkLog()
		last := c.logLines()[c.logged-1]
		wants(c.t, "logged", last.Msg, r.message())
	}
	return r
}

// logLine is what engines decode of a line of the log.
type logLine struct {
	Level, Msg string
	Time       time.Time
}

func (c *caller) logLines() (lines []logLine) {
	c.t.Helper()
	if !exists(c.log) {
		return nil
	}
	for text := range strings.Lines(read(c.t, c.log)) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil || line.Level != "error" || line.Msg == "" || line.Time.IsZero() {
			c.t.Fatalf("log line %q: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

// checkLog demands that errors, and nothing else, have been logged.
func (c *caller) checkLog() {
	c.t.Helper()
	if lines := c.logLines(); len(lines) != c.logged {
		c.t.Errorf("%d lines in the log, want %d: %+v", len(lines), c.logged, lines)
	}
}

// created takes the pid file of a create or exec over.
func (c *caller) created(pidFile string) {
	c.t.Helper()
	c.pid = atoi(c.t, read(c.t, filepath.Join(c.bundle.dir, pidFile))) // as go-runc does: the whole content is the number
	inits[c.pid] = true
}

// console makes the socket BUNDLE/name and returns what takes the terminal from it.
func (c *caller) console(name string) (take func()) {
	c.t.Helper()
	socket := listen(c.t, filepath.Join(c.bundle.dir, name))
	return func() {
		c.t.Helper()
		fd, _ := socket.receive()
		c.t.Cleanup(func() { unix.Close(fd) }) // which hangs the program up
	}
}
