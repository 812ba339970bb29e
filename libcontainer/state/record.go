package state

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tare-run/tare/internal/fault"
)

// Version is the format of state.json. A record of a newer version is refused, never guessed at.
const Version = 1

// maxRecord bounds what is read of a state.json.
const maxRecord = 4 << 20

// Record is state.json: what a later verb cannot learn from the kernel or from config.json.
type Record struct {
	Version     int               `json:"version"`
	Creating    bool              `json:"creating,omitempty"` // create has not finished, or was killed
	ID          string            `json:"id"`
	OCIVersion  string            `json:"ociVersion"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Owner       uint32            `json:"owner"` // uid of the caller of create
	Annotations map[string]string `json:"annotations,omitempty"`

	// Cgroup is what package cgroups wants back; empty without a cgroup.
	Cgroup jsontext.Value `json:"cgroup,omitempty"`

	Init Process `json:"init,omitzero"`
	// Image is the device and inode of the sealed init. While /proc/PID/exe is that file, the program has not been started.
	Image [2]uint64 `json:"image"`

	// StartSeconds is how long start may wait for the container-side hooks; 0 for none, −1 for without bound.
	StartSeconds int `json:"startSeconds,omitempty"`

	NoProgram   bool `json:"noProgram,omitempty"`   // config.json has no process: start is an error
	SharedPid   bool `json:"sharedPid,omitempty"`   // no pid namespace of its own: killing init does not kill the rest
	Poststart   bool `json:"poststart,omitempty"`   // config.json has such hooks; saves reading it when it has none
	Poststop    bool `json:"poststop,omitempty"`    //
	PoststopRan bool `json:"poststopRan,omitempty"` // delete got that far before it was killed
}

// Process names a process for good: a pid alone is reused.
type Process struct {
	Pid       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // field 22 of /proc/PID/stat, in clock ticks after boot
}

// Load reads the record.
func (d *Dir) Load() (*Record, error) {
	b, err := d.read("state.json", maxRecord)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, &fault.Error{Op: "parse", Path: d.path("state.json"), Err: err, Hint: `"delete --force" removes the container`}
	}
	if r.Version != Version || r.ID != d.ID {
		return nil, &fault.Error{Op: "read", Path: d.path("state.json"),
			Err:  fault.Text("version " + strconv.Itoa(r.Version) + " of container " + strconv.Quote(r.ID) + ", want version " + strconv.Itoa(Version) + " of " + strconv.Quote(d.ID)),
			Hint: "it was written by another version of tare"}
	}
	return r, nil
}

// Save writes the record atomically.
func (d *Dir) Save(r *Record) error {
	r.Version, r.ID = Version, d.ID
	b, err := json.Marshal(r)
	if err != nil {
		return &fault.Error{Op: "encode", Path: d.path("state.json"), Err: err}
	}
	return d.write("state.json", b)
}
