package resctrl

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Made is what Apply has made, for Undo.
type Made struct {
	group          *Group
	class, monitor bool
}

// The calls that the kernel answers by making and removing files as well; tests on another file system do that themselves.
var (
	mkdir = func(path string) error { return unix.Mkdir(path, 0o755) }
	rmdir = unix.Rmdir
)

// Apply makes the groups that do not exist, writes the schemas, and puts a process there. What it starts from then on is
// there too; its other threads are not, and a process about to execve needs no others.
//
// What it returns is complete also with an error.
func (g *Group) Apply(c *specs.LinuxIntelRdt, pid int) (made *Made, err error) {
	made = &Made{group: g}
	if g.Class != "" {
		if made.class, err = g.make(g.path(), g.Owned); err != nil {
			return made, err
		}
	}
	if err := g.writeSchemas(c); err != nil {
		return made, err
	}
	if g.Monitor != "" {
		if made.monitor, err = g.make(g.monitorPath(), true); err != nil {
			return made, err
		}
	}
	return made, g.Add(pid)
}

// make makes a directory. One that exists is an error if it had to be new: somebody else has made it just now.
func (g *Group) make(path string, mustBeNew bool) (made bool, err error) {
	switch err := mkdir(path); {
	case err == nil:
		return true, nil
	case err == unix.EEXIST && !mustBeNew:
		return false, nil
	default:
		return false, g.explain("make group", path, pointer, err)
	}
}

// explain adds what the kernel says; ENOSPC, for one, means that the hardware has no more groups.
func (g *Group) explain(op, path, at string, err error) error {
	e := &fault.Error{Pointer: at, Op: op, Path: path, Err: err}
	if err == unix.ENOSPC {
		e.Hint = "the processor has no more groups; remove some"
	}
	if status := g.lastStatus(); status != "" {
		e.Hint = "the kernel says: " + status
	}
	return e
}

// writeSchemas writes in the order of the specification. Schemata come in a request of their own, because the kernel
// refuses one that names a domain twice.
func (g *Group) writeSchemas(c *specs.LinuxIntelRdt) error {
	if err := g.SetSchemas(c.L3CacheSchema, c.MemBwSchema); err != nil {
		return err
	}
	return g.writeSchemata(pointer+"/schemata", c.Schemata)
}

// SetSchemas writes a cache and a bandwidth schema; either may be empty.
func (g *Group) SetSchemas(l3Cache, memoryBandwidth string) error {
	var lines []string
	at := pointer + "/memBwSchema"
	if l3Cache != "" {
		lines, at = append(lines, strings.TrimSuffix(l3Cache, "\n")), pointer+"/l3CacheSchema"
	}
	if memoryBandwidth != "" {
		lines = append(lines, memoryBandwidth)
	}
	return g.writeSchemata(at, lines)
}

func (g *Group) writeSchemata(at string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	text := strings.Join(lines, "\n")
	path := g.path() + "/schemata"
	if err := write(path, text+"\n"); err != nil {
		return g.explain("write "+strconv.Quote(text)+" to", path, at, err)
	}
	return nil
}

// Add puts one more process into the groups. The order matters: a monitoring group takes only members of its class.
func (g *Group) Add(pid int) error {
	paths := []string{g.path() + "/tasks"}
	if g.Monitor != "" {
		paths = append(paths, g.monitorPath()+"/tasks")
	}
	for _, path := range paths {
		if err := write(path, strconv.Itoa(pid)); err != nil {
			return g.explain("add process to", path, pointer, err)
		}
	}
	return nil
}

// write is one request to the kernel; nothing is created.
func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Write(fd, []byte(text))
		switch {
		case err == unix.EINTR:
			continue
		case err == nil && n != len(text):
			err = unix.EIO
		}
		return err
	}
}

// Undo removes what Apply has made, for a create that failed and whose processes are gone. A class that others have
// joined meanwhile stays.
func (m *Made) Undo() error {
	g := m.group
	if m.monitor {
		if err := remove(g.monitorPath()); err != nil {
			return err
		}
	}
	if !m.class {
		return nil
	}
	if tasks, err := g.read("tasks"); err == nil && !g.Owned && strings.TrimSpace(tasks) != "" {
		return nil
	}
	return remove(g.path())
}

// Remove removes what a container owns, which has no processes any more: its monitoring group, and its class if that has
// its name because the configuration gave none. It is idempotent.
func (g *Group) Remove() error {
	if g.Monitor != "" {
		if err := remove(g.monitorPath()); err != nil {
			return err
		}
	}
	if g.Owned && g.Class != "" {
		return remove(g.path())
	}
	return nil
}

func remove(path string) error {
	switch err := rmdir(path); err {
	case nil, unix.ENOENT:
		return nil
	default:
		return &fault.Error{Op: "remove group", Path: path, Err: err}
	}
}
