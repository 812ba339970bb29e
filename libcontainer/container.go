package libcontainer

import (
	"time"

	"golang.org/x/sys/unix"
)

// Runtime is a runtime root together with what the global flags chose. It holds no descriptor and no state.
type Runtime struct {
	// Root is the runtime root, one directory for each container. Created with mode 0700 where missing.
	Root string
	// CgroupManager is "cgroupfs", "systemd" or "disabled"; empty means cgroupfs.
	CgroupManager string
	// Rootless is "true", "false" or "auto", which is also what empty means: true for whoever is not root of the host. It decides
	// what of cgroups, devices and OOM scores may be missing, never whether there is a user namespace.
	Rootless string
	// NotifySocket is where the service manager listens that wants to hear of what this runtime creates and starts: $NOTIFY_SOCKET,
	// sd_notify(3). Empty for none.
	NotifySocket string
	// Warn receives what did not stop a verb but deserves a line. Nil drops it.
	Warn func(message string)
	// Debug receives what only a developer wants to read. Nil drops it, and nothing is formatted.
	Debug func(message string)
}

// CreateOptions are the flags of create and run.
type CreateOptions struct {
	ID            string
	Bundle        string // directory with config.json; relative paths mean the working directory
	Config        string // another file than Bundle/config.json
	ConsoleSocket string // AF_UNIX stream socket that receives the terminal's master
	PidfdSocket   string // AF_UNIX stream socket that receives a pidfd of the init process
	PidFile       string // written atomically once the container is created
	Overlay       string // "tmpfs", "tmpfs:OPTIONS" or a directory for the writes to the root; empty: as annotations say
	NoPivot       bool
	NoNewKeyring  bool
	PreserveFDs   int      // descriptors 3 to 2+PreserveFDs go to the program
	Env           []string // added to the program's environment: LISTEN_FDS and LISTEN_PID for socket activation
}

// RunOptions are the flags of run beyond those of create.
type RunOptions struct {
	CreateOptions
	Detach      bool
	Keep        bool
	NoSubreaper bool
}

// KillOptions are the flags of kill.
type KillOptions struct {
	Signal unix.Signal
	All    bool // every process of the container's cgroup
}

// UpdateOptions are the flags of update.
type UpdateOptions struct {
	Resources      string      // file with a JSON patch of /linux/resources, "-" is standard input; package resources says what it means
	Limits         []LimitFlag // on top of that
	ReplaceDevices bool        // the device rules of the file replace those in force
	DeviceRules    []DeviceRuleFlag
	L3CacheSchema  string // of /linux/intelRdt
	MemBwSchema    string
}

// LimitFlag is one limit given by a flag.
type LimitFlag struct {
	Flag    string // as the user wrote it: "--memory"
	Pointer string // below /linux/resources: "/memory/limit"
	Value   string // JSON; null removes the limit
}

// DeviceRuleFlag is a device rule that comes after those in force, and so decides before them.
type DeviceRuleFlag struct {
	Flag  string
	Allow bool
	Rule  string
}

// Status is the state of a container; the words are the specification's.
type Status string

// The statuses of runtime.md, "State". Paused is the one that every runtime adds.
const (
	StatusCreating Status = "creating"
	StatusCreated  Status = "created"
	StatusRunning  Status = "running"
	StatusStopped  Status = "stopped"
	StatusPaused   Status = "paused" // created or running, and frozen
)

// State is what `state` and `list` show: the specification's fields first, then those that engines also read.
type State struct {
	OCIVersion  string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"` // 0 when stopped
	Status      Status            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Overlay     string            `json:"overlay,omitempty"` // where writes to the root go: "tmpfs" or a directory
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`          // user name, or the number where it has none
	Unit        string            `json:"unit,omitempty"` // of systemd, where that made the cgroup
}
