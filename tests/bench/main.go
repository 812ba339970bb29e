// Command bench measures tare beside runc and crun on one bundle and prints one table: CPU and wall time of the verbs,
// memory of a waiting init process, and the cost of `list`. It also does the bare kernel work of a container with direct
// system calls, which is the floor that no runtime can go below.
//
// It owns the measuring; it never imports a package of tare, so that all runtimes are the same to it: programs with a
// command line. Runtimes take turns within each round, and every number is a median, because the load of a machine changes
// slowly.
//
//	go run ./tests/bench -tare ./tare            # as root; runc and crun from PATH
//	go run ./tests/bench -rounds 50 -only run,state
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// options are the command line.
type options struct {
	tare, runc, crun string
	rounds           int
	only             string
	containers       int
	bareIterations   int
}

func main() {
	var o options
	flag.StringVar(&o.tare, "tare", "./tare", "`path` of tare; empty leaves it out")
	flag.StringVar(&o.runc, "runc", "runc", "`path` or name of runc, the base of all ratios")
	flag.StringVar(&o.crun, "crun", "crun", "`path` or name of crun; empty leaves it out")
	flag.IntVar(&o.rounds, "rounds", 20, "measure each operation this many `times`")
	flag.StringVar(&o.only, "only", "", "comma-separated `operations` instead of all: "+strings.Join(operationNames(), ", "))
	flag.IntVar(&o.containers, "containers", 1000, "`number` of containers that list has to show; 0 leaves it out")
	flag.IntVar(&o.bareIterations, "bare", 0, "do the bare kernel work this many `times` and print the CPU microseconds of one; used by bench itself")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root, to make containers without a user namespace")
	}
	if o.bareIterations > 0 {
		return printBare(flag.Arg(0), o.bareIterations)
	}
	if os.Getenv(insideVariable) == "" {
		return reexecInside()
	}
	if err := cgroup2Alone(); err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.measure(); err != nil {
		return err
	}
	b.print(os.Stdout)
	return nil
}
