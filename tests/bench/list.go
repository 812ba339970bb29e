package main

import (
	"fmt"
	"time"
)

// listCost is the CPU time of one `list` per container, at a tenth of the containers and at all of them: equal numbers
// mean that the cost is linear.
type listCost struct {
	tenth, all time.Duration
}

// measureList creates n containers, which wait for start, and lists them. The start of the process itself is measured with
// an empty root and taken off.
func (c *contender) measureList(n int) (result listCost, err error) {
	const repeats = 5
	list := func() (time.Duration, error) {
		var times []time.Duration
		for range repeats {
			got, err := c.timed("list")
			if err != nil {
				return 0, err
			}
			times = append(times, got.cpu)
		}
		return median(times), nil
	}
	empty, err := list()
	if err != nil {
		return result, err
	}
	pids := map[string]int{}
	defer func() {
		for id, pid := range pids {
			if e := c.discard(id, pid); err == nil {
				err = e
			}
		}
	}()
	for i := range n {
		id := c.id(fmt.Sprint("many", i))
		if pids[id], err = c.create(c.trueBundle, id); err != nil {
			delete(pids, id)
			return result, err
		}
		if made := i + 1; made == n/10 || made == n {
			total, err := list()
			if err != nil {
				return result, err
			}
			result.tenth, result.all = result.all, (total-empty)/time.Duration(made)
		}
	}
	return result, nil
}
