package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// columns are all that can have numbers; the ratios are to runc.
var columns = []string{"bare", "runc", "crun", "tare"}

const titleFormat, cellFormat = "%-40s", "%10s"

// print writes the table and what one has to know to read it.
func (b *bench) print(out io.Writer) {
	fmt.Fprintf(out, titleFormat, "operation")
	for _, head := range append(slices.Clone(columns), "crun/runc", "tare/runc") {
		fmt.Fprintf(out, cellFormat, head)
	}
	fmt.Fprintln(out)
	for _, op := range operations {
		if b.costs[op.name] == nil {
			continue
		}
		cpu, wall := map[string]float64{}, map[string]float64{}
		for _, name := range columns {
			if c, w, ok := b.medians(op.name, name); ok {
				cpu[name], wall[name] = milliseconds(c), milliseconds(w)
			}
		}
		printRow(out, op.title+", CPU ms", "%.2f", cpu)
		if op.wall {
			printRow(out, op.title+", wall ms", "%.2f", wall)
		}
	}
	if len(b.memory) > 0 {
		memory := map[string]float64{}
		for name, kib := range b.memory {
			memory[name] = float64(kib)
		}
		printRow(out, "anonymous memory of a waiting init, KiB", "%.0f", memory)
	}
	if b.list != nil {
		fmt.Fprintf(out, "\nlist: %.1f µs CPU for each of %d containers, %.1f µs for each of %d\n",
			microseconds(b.list.tenth), b.containers/10, microseconds(b.list.all), b.containers)
	}
	b.printNotes(out)
}

func printRow(out io.Writer, title, format string, values map[string]float64) {
	fmt.Fprintf(out, titleFormat, title)
	for _, name := range columns {
		printCell(out, format, values[name])
	}
	for _, name := range []string{"crun", "tare"} {
		ratio := 0.0
		if values["runc"] > 0 {
			ratio = values[name] / values["runc"]
		}
		printCell(out, "%.2f", ratio)
	}
	fmt.Fprintln(out)
}

func printCell(out io.Writer, format string, value float64) {
	text := "-"
	if value != 0 {
		text = fmt.Sprintf(format, value)
	}
	fmt.Fprintf(out, cellFormat, text)
}

func (b *bench) printNotes(out io.Writer) {
	fmt.Fprintf(out, "\nMedians of %d interleaved rounds. CPU is that of all processes of the operation.\n", b.rounds)
	fmt.Fprintln(out, "bare: the kernel's work for the same container by direct system calls, without the device filter.")
	for _, c := range b.contenders {
		remark := ""
		if c.remark != "" {
			remark = ", " + c.remark
		}
		fmt.Fprintf(out, "%s: %s (%s)%s\n", c.name, c.version, c.path, remark)
	}
	for _, note := range b.notes {
		fmt.Fprintln(out, note)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
