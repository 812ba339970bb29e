package step

func (*KeyLabel) StepName() string        { return "key label" }
func (*Keyring) StepName() string         { return "session keyring" }
func (*CgroupNamespace) StepName() string { return "cgroup namespace" }
func (*Loopback) StepName() string        { return "loopback" }
func (*Hostname) StepName() string        { return "hostname" }
func (*Domainname) StepName() string      { return "domainname" }
func (*Propagation) StepName() string     { return "propagation" }
func (*Root) StepName() string            { return "root" }
func (*OverlayRoot) StepName() string     { return "overlay root" }
func (*Mount) StepName() string           { return "mount" }
func (*CgroupMount) StepName() string     { return "cgroup mount" }
func (*Inside) StepName() string          { return "open root" }
func (*Unmount) StepName() string         { return "unmount" }
func (*Report) StepName() string          { return "report" }
func (*Device) StepName() string          { return "device" }
func (*DevLinks) StepName() string        { return "dev links" }
func (*Console) StepName() string         { return "console" }
func (*RuntimeHooks) StepName() string    { return "runtime hooks" }
func (*Hook) StepName() string            { return "hook" }
func (*Sysctl) StepName() string          { return "sysctl" }
func (*Mask) StepName() string            { return "mask" }
func (*ReadonlyPath) StepName() string    { return "readonly path" }
func (*RootReadonly) StepName() string    { return "readonly root" }
func (*Pivot) StepName() string           { return "pivot" }
func (*Chroot) StepName() string          { return "chroot" }
func (*RootPropagation) StepName() string { return "root propagation" }
func (*AppArmor) StepName() string        { return "apparmor" }
func (*SELinux) StepName() string         { return "selinux" }
func (*Affinity) StepName() string        { return "cpu affinity" }
func (*OOMScoreAdj) StepName() string     { return "oom_score_adj" }
func (*Scheduler) StepName() string       { return "scheduler" }
func (*IOPriority) StepName() string      { return "io priority" }
func (*Personality) StepName() string     { return "personality" }
func (*MemoryPolicy) StepName() string    { return "set_mempolicy" }
func (*Rlimits) StepName() string         { return "rlimits" }
func (*Stdio) StepName() string           { return "stdio" }
func (*MakeCwd) StepName() string         { return "make cwd" }
func (*Bounding) StepName() string        { return "bounding set" }
func (*Identity) StepName() string        { return "identity" }
func (*Capabilities) StepName() string    { return "capabilities" }
func (*NoNewPrivs) StepName() string      { return "no_new_privs" }
func (*LookPath) StepName() string        { return "look path" }
func (*WaitStart) StepName() string       { return "wait for start" }
func (*Seccomp) StepName() string         { return "seccomp" }
func (*CloseFDs) StepName() string        { return "close descriptors" }
func (*Cwd) StepName() string             { return "cwd" }
func (*Exec) StepName() string            { return "exec" }
