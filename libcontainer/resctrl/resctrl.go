// Package resctrl puts containers into resource control groups of the processor: classes of service that share cache and
// memory bandwidth, and monitoring groups that measure them (Intel RDT and its likes; config-linux.md, "IntelRdt";
// Documentation/filesystems/resctrl.rst of the kernel).
//
// It owns the resctrl file system and decides what a configuration means there. It knows no processes but their numbers,
// and nothing calls it for a container that did not ask for it.
package resctrl

import (
	"io"
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

const pointer = "/linux/intelRdt"

// Group is the place of one container. Its fields are all that has to be recorded.
type Group struct {
	Root    string // mount point of the file system
	Class   string // directory of the class of service; "" for the default class, the root
	Owned   bool   // the class was made for this container alone and goes with it
	Monitor string // directory below mon_groups of the class; "" for none
}

// Find returns where the resctrl file system is mounted.
func Find() (string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", &fault.Error{Op: "find resctrl", Err: err}
	}
	defer file.Close()
	point, err := find(file)
	if err != nil {
		return "", err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(point, &fs); err != nil {
		return "", &fault.Error{Pointer: pointer, Op: "resctrl", Path: point, Err: err}
	}
	if fs.Type != unix.RDTGROUP_SUPER_MAGIC {
		return "", &fault.Error{Pointer: pointer, Op: "resctrl", Path: point, Err: fault.Text("something else is mounted over it")}
	}
	return point, nil
}

// find takes the first mount of the whole file system, not of a group of it.
func find(text io.Reader) (string, error) {
	mounts, err := mountinfo.GetMountsFromReader(text, mountinfo.FSTypeFilter("resctrl"))
	if err != nil {
		return "", &fault.Error{Op: "find resctrl", Path: "/proc/self/mountinfo", Err: err}
	}
	for _, m := range mounts {
		if m.Root == "/" {
			return m.Mountpoint, nil
		}
	}
	return "", &fault.Error{
		Pointer: pointer, Err: fault.Text("no resctrl file system is mounted"),
		Hint: "mount -t resctrl none /sys/fs/resctrl, on a processor that has such groups",
	}
}

// Plan says where a container belongs, and checks what can be checked before anything is made.
func Plan(root, id string, c *specs.LinuxIntelRdt) (*Group, error) {
	g := &Group{Root: root, Class: c.ClosID, Owned: c.ClosID == ""}
	switch c.ClosID {
	case "":
		g.Class = id
	case "/":
		g.Class = ""
	}
	if isReserved(g.Class) {
		return nil, &fault.Error{
			Pointer: pointer, Op: "class of service", Path: g.Class, Err: fault.Text("the kernel has a directory of this name for itself"),
			Hint: "give another closID",
		}
	}
	exists, err := g.exists()
	switch {
	case err != nil:
		return nil, err
	case g.Owned && exists:
		return nil, &fault.Error{
			Pointer: pointer, Op: "class of service", Path: g.path(), Err: fault.Text("exists, and is not this container's to remove"),
			Hint: "name it as closID to join it, or use another container ID",
		}
	case !g.Owned && !exists && !hasSchemas(c):
		return nil, &fault.Error{Pointer: pointer + "/closID", Op: "class of service", Path: g.path(), Err: unix.ENOENT, Hint: "make it, or give schemata"}
	case !g.Owned && exists:
		if err := g.compare(c); err != nil {
			return nil, err
		}
	}
	if c.EnableMonitoring {
		g.Monitor = id
	}
	return g, nil
}

// hasSchemas says whether the schemata file of the class is to be written.
func hasSchemas(c *specs.LinuxIntelRdt) bool {
	return c.L3CacheSchema != "" || c.MemBwSchema != "" || len(c.Schemata) > 0
}

// isReserved knows the directories that the kernel makes in the root.
func isReserved(class string) bool {
	return class == "info" || class == "mon_groups" || class == "mon_data"
}

// path is the directory of the class.
func (g *Group) path() string {
	if g.Class == "" {
		return g.Root
	}
	return g.Root + "/" + g.Class
}

// monitorPath is the directory that counts for the container alone.
func (g *Group) monitorPath() string { return g.path() + "/mon_groups/" + g.Monitor }

func (g *Group) exists() (bool, error) {
	var st unix.Stat_t
	err := unix.Lstat(g.path(), &st)
	switch {
	case err == unix.ENOENT:
		return false, nil
	case err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR:
		err = unix.ENOTDIR
	}
	if err != nil {
		return false, &fault.Error{Pointer: pointer, Op: "class of service", Path: g.path(), Err: err}
	}
	return true, nil
}

// compare demands that a class which exists is what the configuration says.
func (g *Group) compare(c *specs.LinuxIntelRdt) error {
	if c.L3CacheSchema == "" && c.MemBwSchema == "" {
		return nil
	}
	current, err := g.read("schemata")
	if err != nil {
		return err
	}
	for _, wanted := range []struct{ schema, member string }{{c.L3CacheSchema, "l3CacheSchema"}, {c.MemBwSchema, "memBwSchema"}} {
		if difference := compareSchema(current, wanted.schema); difference != "" {
			return &fault.Error{
				Pointer: pointer + "/" + wanted.member, Op: "class of service", Path: g.path(),
				Err:  fault.Text("exists and is different: " + difference),
				Hint: "leave the schema out to join the class as it is",
			}
		}
	}
	return nil
}

// read reads a file of the class.
func (g *Group) read(name string) (string, error) {
	text, err := os.ReadFile(g.path() + "/" + name)
	if err != nil {
		return "", &fault.Error{Pointer: pointer, Op: "read", Path: g.path() + "/" + name, Err: errnoOf(err)}
	}
	return string(text), nil
}

// errnoOf takes the errno out of an os.PathError, whose path is said already.
func errnoOf(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}

// lastStatus is what the kernel says about the last request that it refused; "" for nothing.
func (g *Group) lastStatus() string {
	text, err := os.ReadFile(g.Root + "/info/last_cmd_status")
	status := strings.TrimSpace(string(text))
	if err != nil || status == "ok" {
		return ""
	}
	return status
}
