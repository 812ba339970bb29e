package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	options
	commands
	dir                     string
	trueBundle, sleepBundle string
	contenders              []*contender

	costs  map[string]map[string][]cost // by operation and contender
	memory map[string]int               // KiB, by contender
	list   *listCost                    // of tare
	notes  []string
}

func newBench(o options) (*bench, error) {
	if err := becomeSubreaper(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tare-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, costs: map[string]map[string][]cost{}, memory: map[string]int{}}
	b.trueBundle, b.sleepBundle = filepath.Join(dir, "true"), filepath.Join(dir, "sleep")
	b.log, err = os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	err = errors.Join(err, newBundle(b.trueBundle, "/bin/true"), newBundle(b.sleepBundle, "/bin/sleep", "3600"))
	if err != nil {
		b.close()
		return nil, err
	}
	for _, c := range []struct{ name, path string }{{"runc", o.runc}, {"crun", o.crun}, {"tare", o.tare}} {
		if c.path == "" {
			continue
		}
		contender, err := newContender(b, c.name, c.path)
		if err != nil {
			b.notes = append(b.notes, fmt.Sprintf("%s is left out: %v", c.name, err))
			continue
		}
		b.contenders = append(b.contenders, contender)
	}
	if len(b.contenders) == 0 {
		b.close()
		return nil, errors.New(strings.Join(append([]string{"no runtime to measure"}, b.notes...), "; "))
	}
	return b, nil
}

func (b *bench) close() {
	if b.log != nil {
		b.log.Close()
	}
	os.RemoveAll(b.dir)
}

func (b *bench) wants(name string) bool {
	return b.only == "" || slices.Contains(strings.Split(b.only, ","), name)
}

// measure does all operations in rounds: within one round every contender has its turn at every operation.
func (b *bench) measure() (err error) {
	for _, c := range b.contenders {
		pid, e := c.create(c.sleepBundle, c.id(background))
		if e == nil {
			e = c.verb("start", c.id(background))
		}
		if e != nil {
			return e
		}
		defer func() { err = errors.Join(err, c.discard(c.id(background), pid)) }()
	}
	for round := range b.rounds {
		for _, op := range operations {
			if !b.wants(op.name) {
				continue
			}
			for _, c := range b.contenders {
				b.add(op, c, round)
			}
		}
		if b.wants("bare") {
			got, err := measureBare(filepath.Join(b.trueBundle, "rootfs"))
			if err != nil {
				return err
			}
			b.record("run", "bare", got)
		}
	}
	return b.measureRest()
}

// add measures one operation once. A runtime without the operation gets no number in its row.
func (b *bench) add(op operation, c *contender, round int) {
	got, err := op.measure(c)
	switch {
	case err == nil:
		b.record(op.name, c.name, got)
	case round == 0:
		b.notes = append(b.notes, fmt.Sprintf("%s has no number for %s: %v", c.name, op.name, err))
	}
}

func (b *bench) record(operation, contender string, got cost) {
	if b.costs[operation] == nil {
		b.costs[operation] = map[string][]cost{}
	}
	b.costs[operation][contender] = append(b.costs[operation][contender], got)
}

// measureRest does what needs no rounds.
func (b *bench) measureRest() error {
	for _, c := range b.contenders {
		if b.wants("memory") {
			kib, err := c.waitingMemory()
			if err != nil {
				return err
			}
			b.memory[c.name] = kib
		}
		if c.name == "tare" && b.wants("list") && b.containers >= 10 {
			got, err := c.measureList(b.containers)
			if err != nil {
				return err
			}
			b.list = &got
		}
	}
	return nil
}

// medians returns the medians of a cell of the table; ok is false for an empty one.
func (b *bench) medians(operation, contender string) (cpu, wall time.Duration, ok bool) {
	costs := b.costs[operation][contender]
	if len(costs) == 0 {
		return 0, 0, false
	}
	var cpus, walls []time.Duration
	for _, c := range costs {
		cpus, walls = append(cpus, c.cpu), append(walls, c.wall)
	}
	return median(cpus), median(walls), true
}
