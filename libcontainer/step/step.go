// Package step is the vocabulary of a plan: one struct for each kind of step that init can take, with kernel numbers in
// it instead of words.
//
// It owns the types and the table of kinds, no behaviour: package plan fills the steps in from the specification, package
// wire carries them, package initproc carries them out. It imports nothing, so that both sides can link it for free.
package step

// Step is one thing init does. Its name is the first word of its error, its span in the trace and its fault-injection case.
type Step interface{ StepName() string }

// Entry is a step with its origin.
type Entry struct {
	Pointer string // RFC 6901 pointer to the entry of config.json that asked for the step; empty for our own steps
	Step    Step
}

// Kinds holds one value of every kind; a kind's index is its number on the wire. Both sides are built together, so the
// order may change at will.
var Kinds = [...]Step{
	&KeyLabel{}, &Keyring{}, &CgroupNamespace{}, &Loopback{}, &Hostname{}, &Domainname{},
	&Propagation{}, &Root{}, &OverlayRoot{}, &Mount{}, &CgroupMount{}, &Inside{}, &Unmount{}, &Report{},
	&Device{}, &DevLinks{}, &Console{}, &RuntimeHooks{}, &Hook{},
	&Sysctl{}, &Mask{}, &ReadonlyPath{}, &RootReadonly{}, &Pivot{}, &Chroot{}, &RootPropagation{},
	&AppArmor{}, &SELinux{}, &Affinity{}, &OOMScoreAdj{}, &Scheduler{}, &IOPriority{}, &Personality{}, &MemoryPolicy{}, &Rlimits{}, &Stdio{}, &MakeCwd{}, &Bounding{}, &Identity{}, &Capabilities{}, &NoNewPrivs{},
	&LookPath{}, &WaitStart{}, &Seccomp{}, &CloseFDs{}, &Cwd{}, &Exec{},
}

// --- namespaces -------------------------------------------------------------------------------------------------------

// KeyLabel gives the keys that init makes an SELinux context, so that the program may use its session keyring; empty is the
// default again.
type KeyLabel struct{ Label string }

// Keyring joins a new session keyring of this name (keyctl(2), KEYCTL_JOIN_SESSION_KEYRING).
type Keyring struct{ Name string }

// CgroupNamespace unshares the cgroup namespace. It cannot be part of clone3: the namespace's root is the cgroup the
// caller is in at that moment, which during clone3 is still the runtime's.
type CgroupNamespace struct{}

// Loopback sets the interface lo up in a new network namespace.
type Loopback struct{}

// Hostname sets the UTS node name.
type Hostname struct{ Name string }

// Domainname sets the UTS (NIS) domain name.
type Domainname struct{ Name string }

// --- root filesystem --------------------------------------------------------------------------------------------------

// Propagation sets the propagation of the whole mount tree before the first mount (MS_SLAVE, MS_PRIVATE or MS_SHARED).
type Propagation struct{ Flag uint64 }

// Root makes the rootfs a mount of its own. Path is a host path, absolute and clean. Shared says that the container has no
// mount namespace: nothing is mounted, the directory is only entered later.
//
// Tree is the number of the descriptor that came with the plan in place of Path, 0 for none: a detached mount, or for Shared
// the directory.
type Root struct {
	Path   string
	Shared bool
	Tree   int
}

// OverlayRoot is Root with an overlay over it that takes the container's writes; the directory is its lowest layer.
//
// Trees has the numbers of the descriptors that came with the plan in place of Path, all of Lower, and Dir if there is one, in
// this order: detached mounts. Empty: init opens the paths.
type OverlayRoot struct {
	Path        string
	Dir         string   // host directory with "upper" and "work"; empty for a tmpfs
	Tmpfs       []string // options of that
	Lower       []string // more layers, the uppermost first; host paths
	Options     []string // of the overlay file system
	AppendLower bool     // the kernel takes layers one by one (Linux 6.7)
	Mapped      bool     // Trees show files with the ids of the container
	Trees       []int
}

// Attr is the pair of masks that mount_setattr(2) takes, MOUNT_ATTR_* bits.
type Attr struct{ Set, Clear uint64 }

// PropagationChange is one propagation option: MS_PRIVATE, MS_SHARED, MS_SLAVE or MS_UNBINDABLE.
type PropagationChange struct {
	Flag      uint64
	Recursive bool
}

// MountOptions is what a list of mount options means, word by word looked up (package mountopt fills it in).
type MountOptions struct {
	Bind                                bool // bind or rbind was given
	Recursive                           bool // rbind
	Remount                             bool
	Attr                                Attr                // of the mount itself
	RecAttr                             Attr                // of the mount and everything below it (rro, rnosuid…)
	Propagation                         []PropagationChange // in listed order
	Super                               []string            // superblock flags by their fsconfig names: "ro", "sync", "dirsync", "lazytime"…
	CopyUp                              bool                // tmpcopyup
	CopySymlink                         bool                // a source that is a symbolic link is made again, not mounted
	SourceNofollow, DestinationNofollow bool                // the last component is meant itself, if it is a symbolic link
	IDMap                               string              // idmap or ridmap, with their value; package plan says what that means
	Data                                []string            // what the filesystem itself shall read: "size=64k", "mode=755"
}

// Mount puts one filesystem, or a bind of a host path, onto Destination inside the root. Tree is the number of the descriptor
// that came with the plan in place of the source of a bind, 0 for none.
type Mount struct {
	Destination   string // container path
	Type          string // filesystem type; ignored for binds
	Source        string // host path of a bind, absolute; else the name shown in mountinfo
	Options       MountOptions
	UserNamespace int    // number of a descriptor with the plan whose mappings a new file system gets; 0 for none
	LinkTarget    string // of a source that is a symbolic link, which is made again and not mounted; empty: mount
	RootLabel     string // SELinux context of the new root, where it cannot be an option
	Tree          int
}

// Inside is Root in a running container, whose namespaces init has joined. What later steps mount is taken away again if one of
// them fails.
type Inside struct{}

// Unmount finds what is mounted at Destination; Report takes it away, with what is mounted below it. So all that a plan names
// goes, or nothing.
type Unmount struct{ Destination string }

// Report tells the runtime that the work in a running container is done, and ends a plan without a program.
type Report struct{}

// CgroupMount shows the container its cgroups.
type CgroupMount struct {
	Destination string
	Options     MountOptions
	Namespaced  bool // the container has a cgroup namespace of its own: mount afresh, else bind HostPath
	// Hierarchies has one entry with an empty Name on a pure cgroup v2 host: mounted at Destination itself.
	// Otherwise Destination becomes a tmpfs with one directory for each.
	Hierarchies []CgroupHierarchy
}

// CgroupHierarchy is one cgroup file system.
type CgroupHierarchy struct {
	Name     string   // directory below Destination, e.g. "cpu,cpuacct"
	V2       bool     // cgroup2, else cgroup
	Options  []string // v1: "memory", or "name=systemd"
	HostPath string   // the container's own cgroup on the host
	Links    []string // symbolic links beside it: "cpu", "cpuacct"
}

// Device makes a device node or a FIFO.
type Device struct {
	Path         string // container path
	Type         byte   // 'c', 'b', 'u' (same as 'c') or 'p'
	Major, Minor uint32
	Mode         uint32 // permission bits
	UID, GID     uint32
	Default      bool // one of the six default devices: skipped where the image or a bind brings its own /dev
}

// DevLinks makes /dev/fd, stdin, stdout, stderr, core and ptmx.
type DevLinks struct{}

// Console allocates the terminal in the container's devpts, makes it descriptors 0 to 2 and the controlling terminal,
// binds it on /dev/console, and sends the master to the runtime side. Exec leaves /dev/console alone: it is the terminal of
// the container's first process.
type Console struct {
	Width, Height uint16
	Exec          bool
}

// RuntimeHooks says "ready" and waits until the runtime side has run its hooks.
type RuntimeHooks struct{}

// Hook runs one hook in the container's namespaces.
type Hook struct {
	Kind           string // "createContainer" or "startContainer"
	Path           string
	Args           []string
	Env            []string
	TimeoutSeconds int // 0: none
	// StatePrefix is the container state as JSON up to and with `"pid":`; init adds its own pid and the closing brace,
	// because hooks in the container namespace read the pid as the container sees it (config.md, "state").
	StatePrefix []byte
}

// Sysctl writes Value to /proc/sys/Path through the private procfs.
type Sysctl struct{ Path, Value string }

// Mask hides a path: a file behind /dev/null, a directory behind an empty read-only one. A missing path is fine.
type Mask struct{ Path string }

// ReadonlyPath makes a path and everything mounted below it read-only. A missing path is fine.
type ReadonlyPath struct{ Path string }

// RootReadonly makes the mount of the root read-only.
type RootReadonly struct{}

// Pivot makes the root "/" and detaches the old one. NoPivot moves the mount and uses chroot(2) instead, for hosts whose
// root is an initramfs.
type Pivot struct{ NoPivot bool }

// Chroot is Pivot for a container that shares the runtime's mount namespace.
type Chroot struct{}

// RootPropagation sets rootfsPropagation on "/", the last step on mounts.
type RootPropagation struct{ Change PropagationChange }

// --- process ----------------------------------------------------------------------------------------------------------

// AppArmor has the program run with a profile. Own says where AppArmor has it from: a directory of its own.
type AppArmor struct {
	Profile string
	Own     bool
}

// SELinux has the program run in a context.
type SELinux struct{ Label string }

// Affinity confines the program to these CPUs (sched_setaffinity(2)).
type Affinity struct{ CPUs []uint32 }

// OOMScoreAdj writes /proc/self/oom_score_adj, −1000 to 1000.
type OOMScoreAdj struct{ Adj int }

// Scheduler sets the scheduling attributes of init (sched_setattr(2)); policy and flags are the kernel's numbers, times are in
// nanoseconds.
type Scheduler struct {
	Policy                    uint32
	Flags                     uint64
	Nice                      int32
	Priority                  uint32
	Runtime, Deadline, Period uint64
}

// IOPriority sets the I/O priority (ioprio_set(2)): class 1 to 3, priority 0 to 7.
type IOPriority struct{ Class, Priority int }

// Personality sets the execution domain (personality(2)).
type Personality struct{ Domain uint32 }

// MemoryPolicy sets the NUMA policy (set_mempolicy(2)); flags are part of Mode.
type MemoryPolicy struct {
	Mode  int
	Nodes []uint32
}

// Rlimits sets resource limits with prlimit(2). RaiseOnly raises hard limits, which takes CAP_SYS_RESOURCE, and lowers
// nothing: the limit on open files is lowered last, because init opens some on its way.
type Rlimits struct {
	Limits    []Rlimit
	RaiseOnly bool
}

// Rlimit is one limit; Resource is RLIMIT_*.
type Rlimit struct {
	Resource   int
	Soft, Hard uint64
}

// Stdio gives descriptors 0 to 2 to the container's user, so that the program can open /dev/stderr again.
type Stdio struct{ UID uint32 }

// MakeCwd makes the working directory, mode 0755, where it is missing, and enters it with init's permissions. Existing
// makes nothing: a missing one is an error.
type MakeCwd struct {
	Path     string
	Existing bool
}

// Bounding drops every capability outside the mask from the bounding set, while CAP_SETPCAP is still there.
type Bounding struct{ Mask uint64 }

// Identity sets groups, gid, uid and umask, keeping permitted capabilities across the change.
type Identity struct {
	UID, GID   uint32
	Groups     []uint32
	KeepGroups bool // leave supplementary groups as they are
	Umask      uint32
	HasUmask   bool
}

// Capabilities sets the four sets of the thread exactly as given, one bit for each capability number.
type Capabilities struct{ Effective, Permitted, Inheritable, Ambient uint64 }

// NoNewPrivs sets the no_new_privs bit.
type NoNewPrivs struct{}

// LookPath finds the program in the container and says so early if there is none, as engines expect of create.
type LookPath struct {
	Name string
	UID  uint32 // whose home directory HOME is, where the environment has none
}

// WaitStart reports "created" and waits for start.
type WaitStart struct{}

// Seccomp loads a filter: an array of struct sock_filter in native byte order; Flags is SECCOMP_FILTER_FLAG_*.
type Seccomp struct {
	Filter []byte
	Flags  uint32
}

// CloseFDs closes everything above descriptor 2+Preserve.
type CloseFDs struct{ Preserve int }

// Cwd enters the working directory and verifies that it lies inside the root (CVE-2024-21626).
type Cwd struct{ Path string }

// Exec becomes the program. HOME is added where Env has none.
type Exec struct {
	Args, Env []string
}
