package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// operation is something that an engine is asked to do. It is tried with tare, and where that fails with runc: only what
// passes there has to pass.
type operation struct {
	name string
	do   func(*engine)
}

// unable says why no runtime can do something on this machine, by what it says about it.
func unable(problem string) string {
	switch {
	case strings.Contains(problem, "CAP_SYS_RESOURCE"):
		return "the engine raises a limit, and this machine's root has no CAP_SYS_RESOURCE"
	}
	return ""
}

// engine is one engine with one runtime. Its methods end the operation where something is not as wanted.
type engine struct {
	name    string // "podman"
	runtime string // "tare", "runc", "crun"
	command []string

	runOptions []string // of the commands run and create
	env        []string
	noProgram  int // the status of its exec of a program that is not there
	clean      func(*engine)
	daemon     *service // where a test ends it and starts it again
}

// failure is what ends an operation.
type failure struct{ text string }

// lacking is what ends an operation that this machine cannot do, with any runtime.
type lacking struct{ reason string }

func (e *engine) fail(format string, args ...any) { panic(failure{fmt.Sprintf(format, args...)}) }

const commandTimeout = 2 * time.Minute

// result is how a command ended.
type result struct {
	status int
	output string // of both streams
}

// try runs the engine's command line program.
func (e *engine) try(args ...string) result { return e.tryIn(workspace, "", args...) }

// line is the whole command line.
func (e *engine) line(args []string) []string {
	line := append(append([]string{}, e.command...), args[0])
	if args[0] == "run" || args[0] == "create" {
		line = append(line, e.runOptions...)
	}
	return append(line, args[1:]...)
}

func (e *engine) tryIn(dir, stdin string, args ...string) result {
	line := e.line(args)
	c := exec.Command(line[0], line[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), e.env...)
	c.Stdin = strings.NewReader(stdin)
	// A file: what stays in the background may keep it.
	out, err := os.CreateTemp(workspace, "out")
	if err != nil {
		e.fail("%v", err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		e.fail("%v", err)
	}
	timeout := time.AfterFunc(commandTimeout, func() { c.Process.Kill() })
	_ = c.Wait() // the status says it
	if !timeout.Stop() {
		e.fail("%q hangs", args)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		e.fail("%v", err)
	}
	return result{c.ProcessState.ExitCode(), strings.TrimSpace(string(text))}
}

// does demands status 0 and returns the output.
func (e *engine) does(args ...string) string {
	r := e.try(args...)
	if r.status != 0 {
		e.fail("%q: status %d, %s", args, r.status, r.output)
	}
	return r.output
}

// says demands status 0 and this output.
func (e *engine) says(want string, args ...string) {
	if got := e.does(args...); got != want {
		e.fail("%q: %q, want %q", args, got, want)
	}
}

// has demands status 0 and an output that contains all of these.
func (e *engine) has(parts []string, args ...string) {
	got := e.does(args...)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			e.fail("%q: %q lacks %q", args, got, part)
		}
	}
}

// ends demands this status and an output that contains all of these.
func (e *engine) ends(status int, parts []string, args ...string) {
	r := e.try(args...)
	if r.status != status {
		e.fail("%q: status %d, want %d: %s", args, r.status, status, r.output)
	}
	for _, part := range parts {
		if !strings.Contains(r.output, part) {
			e.fail("%q: %q lacks %q", args, r.output, part)
		}
	}
}

// eventually waits until a command succeeds with this output.
func (e *engine) eventually(want string, args ...string) {
	var r result
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if r = e.try(args...); r.status == 0 && r.output == want {
			return
		}
	}
	e.fail("%q: never %q, last status %d, %q", args, want, r.status, r.output)
}

// eventuallyHas waits until a command succeeds with an output that contains this.
func (e *engine) eventuallyHas(part string, args ...string) {
	var r result
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if r = e.try(args...); r.status == 0 && strings.Contains(r.output, part) {
			return
		}
	}
	e.fail("%q: never with %q, last status %d, %q", args, part, r.status, r.output)
}

// attempt does one operation and returns what went wrong, or "", and what this machine lacks.
func (e *engine) attempt(o *operation) (problem, lacks string) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			problem = p.text
		case lacking:
			lacks = p.reason
		default:
			panic(p)
		}
	}()
	defer e.clean(e)
	o.do(e)
	return "", ""
}

// outcomes is the table: engine and operation, runtime, what went wrong.
var outcomes = map[string]map[string]string{}

// note puts an outcome into the table.
func note(name, runtime, problem string) {
	if outcomes[name] == nil {
		outcomes[name] = map[string]string{}
	}
	outcomes[name][runtime] = problem
}

// perform tries the operations with tare, and compares with runc.
func perform(t *testing.T, with func(runtime string) *engine, operations []operation) {
	t.Helper()
	for i := range operations {
		o := &operations[i]
		t.Run(strings.ReplaceAll(o.name, " ", "_"), func(t *testing.T) {
			row, lacks := map[string]string{}, ""
			e := with("tare")
			if row["tare"], lacks = e.attempt(o); lacks != "" {
				skipUnless(t, false, lacks)
			}
			outcomes[e.name+": "+o.name] = row
			for _, other := range []string{"runc", "crun"} {
				if *all || other == "runc" && row["tare"] != "" {
					row[other], _ = with(other).attempt(o)
				}
			}
			left, _ := filepath.Glob("/run/tare/[^.]*") // a leading dot is the cache
			switch {
			case len(left) > 0:
				t.Errorf("left in the runtime root: %q", left)
			case row["tare"] == "":
			case row["runc"] == "":
				t.Errorf("with tare: %s\nwith runc it passes", row["tare"])
			case unable(row["tare"]) != "":
				skipUnless(t, false, unable(row["tare"]))
			default: // the test is wrong, or the engine
				t.Errorf("with tare: %s\nwith runc: %s", row["tare"], row["runc"])
			}
		})
	}
}

// printTable shows what became of the operations with each runtime.
func printTable() {
	if !*all || len(outcomes) == 0 {
		return
	}
	var names []string
	passed := map[string]int{}
	for name, row := range outcomes {
		names = append(names, name)
		for runtime, problem := range row {
			if problem == "" {
				passed[runtime]++
			}
		}
	}
	sort.Strings(names)
	fmt.Printf("%d operations; pass: tare %d, runc %d, crun %d\n", len(names), passed["tare"], passed["runc"], passed["crun"])
	for _, name := range names {
		for _, runtime := range []string{"tare", "runc", "crun"} {
			if problem := outcomes[name][runtime]; problem != "" {
				fmt.Printf("%s: %s: %.160s\n", name, runtime, strings.ReplaceAll(problem, "\n", " "))
			}
		}
	}
}
