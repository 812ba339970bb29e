package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// contender is one runtime with everything it needs to take part.
type contender struct {
	name    string
	path    string
	flags   []string // global flags, --root first
	version string
	remark  string // what makes its work differ from that of the others

	commands
	trueBundle, sleepBundle string
	pidFile                 string
}

// newContender finds out how a runtime runs here at all. crun 1.8 insists on raising RLIMIT_MEMLOCK before it attaches a
// device filter, which needs CAP_SYS_RESOURCE; without a cgroup it has less work than the others, and the table says so.
func newContender(b *bench, name, path string) (*contender, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, err
	}
	c := &contender{name: name, path: found, commands: b.commands, trueBundle: b.trueBundle, sleepBundle: b.sleepBundle}
	c.pidFile = filepath.Join(b.dir, name+".pid")
	c.flags = []string{"--root", filepath.Join(b.dir, name+"-root")}
	out, err := exec.Command(found, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", found, err)
	}
	c.version, _, _ = strings.Cut(string(out), "\n")

	probe := c.id("probe")
	err = c.verb("run", "--bundle", c.trueBundle, probe)
	if err != nil && name == "crun" {
		unix.Rmdir("/sys/fs/cgroup/" + probe) // which the failed attempt leaves
		c.flags = append(c.flags, "--cgroup-manager=disabled")
		c.remark = "without a cgroup and a device filter"
		err = c.verb("run", "--bundle", c.trueBundle, probe)
	}
	return c, err
}

// id is the name of a container, and without a cgroupsPath also that of its cgroup, so no two runtimes may share it.
func (c *contender) id(word string) string { return "bench-" + c.name + "-" + word }

// verb runs one command of the runtime.
func (c *contender) verb(words ...string) error {
	return c.run(append(append([]string{c.path}, c.flags...), words...)...)
}

// create makes a container and returns the pid of its init process.
func (c *contender) create(bundle, id string) (int, error) {
	if err := c.verb("create", "--bundle", bundle, "--pid-file", c.pidFile, id); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(c.pidFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// discard ends and deletes a container whatever its state.
func (c *contender) discard(id string, pid int) error {
	if err := c.verb("kill", id, "KILL"); err != nil {
		return err
	}
	if err := reap(pid); err != nil {
		return err
	}
	return c.verb("delete", id)
}
