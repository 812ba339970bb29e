package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// operation is one row, or two rows, of the table.
type operation struct {
	name    string
	title   string
	wall    bool // its wall time is a row too
	measure func(*contender) (cost, error)
}

// operations are in the order of the table. State, kill and exec have a container that runs all the time
// (bench.measure).
var operations = []operation{
	{"cycle", "create + start + delete", true, (*contender).cycle},
	{"run", "run of /bin/true", true, (*contender).runTrue},
	{"overlay", "run over an overlay", true, (*contender).runOverlay}, // of tare alone
	{"exec", "exec of /bin/true", true, timedOnBackground("exec", "/bin/true")},
	{"state", "state", false, timedOnBackground("state")},
	{"kill", "kill", false, timedOnBackground("kill", "CONT")}, // SIGCONT changes nothing for a process that runs
}

// background is the name of each contender's running container.
const background = "background"

func operationNames() []string {
	var names []string
	for _, op := range operations {
		names = append(names, op.name)
	}
	return append(names, "memory", "list", "bare")
}

// cycle is a container's whole life in three commands.
func (c *contender) cycle() (cost, error) {
	id := c.id("cycle")
	m := startMeter()
	pid, err := c.create(c.trueBundle, id)
	if err != nil {
		return cost{}, err
	}
	if err := c.verb("start", id); err != nil {
		return cost{}, err
	}
	if err := reap(pid); err != nil {
		return cost{}, fmt.Errorf("wait for the init process of %s: %w", c.name, err)
	}
	err = c.verb("delete", id)
	return m.stop(), err
}

func (c *contender) runTrue() (cost, error) {
	return c.timed("run", "--bundle", c.trueBundle, c.id("run"))
}

func (c *contender) runOverlay() (cost, error) {
	return c.timed("run", "--overlay", "tmpfs", "--bundle", c.trueBundle, c.id("overlay"))
}

// timedOnBackground measures one command; the id of the running container goes after the verb.
func timedOnBackground(verb string, words ...string) func(*contender) (cost, error) {
	return func(c *contender) (cost, error) {
		return c.timed(append([]string{verb, c.id(background)}, words...)...)
	}
}

func (c *contender) timed(words ...string) (cost, error) {
	m := startMeter()
	err := c.verb(words...)
	return m.stop(), err
}

// waitingMemory is the anonymous memory, in KiB, of an init process that waits for start: what a created container costs
// beyond pages that come from files and are shared.
func (c *contender) waitingMemory() (int, error) {
	id := c.id("waiting")
	pid, err := c.create(c.trueBundle, id)
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, err
	}
	if err := c.discard(id, pid); err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("Anonymous:")); ok {
			return strconv.Atoi(string(bytes.Fields(value)[0]))
		}
	}
	return 0, fmt.Errorf("no Anonymous line in smaps_rollup")
}
