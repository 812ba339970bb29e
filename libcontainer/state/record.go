package state

import (
	"strconv"
	"time"

	"github.com/tare-run/tare/internal/fault"
)

// Version is the format of state.json. A record of a newer version is refused, never guessed at.
const Version = 1

// maxRecord bounds what is read of a state.json.
const maxRecord = 4 << 20

// Record is state.json: what a later verb cannot learn from the kernel or from config.json.
type Record struct {
	Version     int
	Creating    bool // create has not finished, or was killed
	ID          string
	OCIVersion  string
	Bundle      string
	Rootfs      string
	Created     time.Time
	Owner       uint32 // uid of the caller of create
	Annotations map[string]string

	Cgroup  *Cgroup  // nil without one
	Resctrl *Resctrl // nil where config.json has no intelRdt

	Overlay *Overlay // nil without an overlay root

	Init Process
	// Image is the device and inode of the sealed init. While /proc/PID/exe is that file, the program has not been started.
	Image [2]uint64

	// StartSeconds is how long start may wait for the container-side hooks; 0 for none, −1 for without bound.
	StartSeconds int

	NoNewKeyring bool // the container is in its creator's session keyring
	NoProgram    bool // config.json has no process: start is an error
	SharedPid    bool // no pid namespace of its own: killing init does not kill the rest
	Listener     bool // the seccomp filter has a listener, which start hands to the agent
	Poststart    bool // config.json has such hooks; saves reading it when it has none
	Poststop     bool
	PoststopRan  bool // delete got that far before it was killed
}

// Process names a process for good: a pid alone is reused.
type Process struct {
	Pid       int
	StartTime uint64 // field 22 of /proc/PID/stat, in clock ticks after boot
}

// Cgroup is what package cgroups rebuilds its manager from; the fields are explained there.
type Cgroup struct {
	Path        string
	Hierarchies []CgroupHierarchy
	Unit        *CgroupUnit // nil for one that is not systemd's
}

// CgroupUnit is the unit of a Cgroup.
type CgroupUnit struct {
	Name        string
	Description string
	User        bool
	Address     string
	Inode       uint64
}

// CgroupHierarchy is one hierarchy of a Cgroup.
type CgroupHierarchy struct {
	Mount       string
	Controllers string
	Made        int
}

// Overlay is where the writes of an overlay root go.
type Overlay struct {
	Dir        string // empty for a tmpfs
	MakesUpper bool   // the subdirectory for the writes was not there before
}

// Resctrl is what package resctrl calls a group; the fields are explained there.
type Resctrl struct {
	Root    string
	Class   string
	Owned   bool
	Monitor string
}

// Load reads the record.
func (d *Dir) Load() (*Record, error) {
	b, err := d.read("state.json", maxRecord)
	if err != nil {
		return nil, err
	}
	r, err := decode(b)
	if err != nil {
		return nil, &fault.Error{Op: "parse", Path: d.path("state.json"), Err: err, Hint: byHand}
	}
	if r.Version != Version || r.ID != d.ID {
		return nil, &fault.Error{Op: "read", Path: d.path("state.json"),
			Err:  fault.Text("version " + strconv.Itoa(r.Version) + " of container " + strconv.Quote(r.ID) + ", want version " + strconv.Itoa(Version) + " of " + strconv.Quote(d.ID)),
			Hint: "it was written by another version of tare, which can delete the container"}
	}
	return r, nil
}

// Save writes the record atomically.
func (d *Dir) Save(r *Record) error {
	r.Version, r.ID = Version, d.ID
	b, err := encode(r)
	if err != nil {
		return &fault.Error{Op: "encode", Path: d.path("state.json"), Err: err}
	}
	return d.write("state.json", b)
}
