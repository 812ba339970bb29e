package libcontainer

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/foreground"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
)

// ExecOptions are the flags of exec.
type ExecOptions struct {
	ID            string
	Process       ProcessFlags
	ConsoleSocket string // as for create
	PidfdSocket   string
	PidFile       string
	Detach        bool
	IgnorePaused  bool
	PreserveFDs   int
	Env           []string // added to the program's environment, as for create
	Cgroups       []string // below the container's: "PATH", or "CONTROLLERS:PATH" for hierarchies of cgroup v1
}

// execution is one exec under way. It does not take the container's lock: it changes nothing of it, and must not wait for one
// whose hooks hang. It keeps a pause away until its program runs.
type execution struct {
	*Runtime
	o *ExecOptions

	dir    *state.Dir
	record *state.Record
	spec   *specs.Spec // as it was created, with the process to execute
	file   string      // the process came from; empty for flags
	plan   *plan.Plan

	entryFd int // lock that keeps a pause away; −1 for none
	initFd  int // pidfd of the container's init
	cgroup  *cgroups.Manager
	late    bool // init enters the cgroup only when it needs no more threads
	image   launch.Image
	proc    *launch.Process

	masterFd int // of the terminal, for the foreground; −1 for none
}

// execSteps is exec in order. Nothing of it leaves anything behind but the process.
var execSteps = [...]func(*execution) error{
	(*execution).findContainer,
	(*execution).loadProcess, // what to execute, and whether that can be
	(*execution).compile,
	(*execution).findCgroup,
	(*execution).openImage,
	(*execution).clone, // into the cgroup and the namespaces
	(*execution).joinCgroups,
	(*execution).adjust, // what root of a user namespace may not do
	(*execution).seccomp,
	(*execution).joinResctrl,
	(*execution).await, // init is given its plan, and has everything but the program
	(*execution).joinCrowded,
	(*execution).handOver,
}

// Exec runs a process in a container that has been created. Detached it returns once the program runs; else it stays in the
// foreground, hands signals on, and returns the program's exit status, 128+N if signal N ended it.
func (r *Runtime) Exec(o ExecOptions) (status int, err error) {
	x := &execution{Runtime: r, o: &o, entryFd: -1, initFd: -1, masterFd: -1, image: launch.Image{Fd: -1}}
	defer x.close()
	if status, err = x.run(); err != nil {
		return 0, verb("exec", o.ID, x.explain(err))
	}
	return status, nil
}

func (x *execution) run() (status int, err error) {
	for _, step := range execSteps {
		if err := step(x); err != nil {
			x.abort()
			return 0, x.ended(err)
		}
	}
	if x.o.Detach {
		return 0, x.begin()
	}
	return x.supervise()
}

// ended says the one thing that explains all others: the container has ended meanwhile. The kernel says ENOMEM, for one, to
// a clone into a pid namespace whose init is gone.
func (x *execution) ended(err error) error {
	if x.initFd >= 0 && !alive(x.record.Init) {
		return &fault.Error{Err: fault.ErrNotRunning, Hint: "it has ended meanwhile"}
	}
	return err
}

// explain names the file that a pointer leads into. The pointers of a process are those of config.json, but it may have come
// from a file of its own, which has no /process around it, or from flags, which need no pointer.
func (x *execution) explain(err error) error {
	e, ok := err.(*fault.Error)
	if !ok || e.File != "" {
		return err
	}
	inside, ok := strings.CutPrefix(e.Pointer, "/process")
	if !ok {
		return err
	}
	c := *e
	f := &x.o.Process
	switch {
	case strings.HasPrefix(inside, "/args") && len(f.Args) > 0, inside == "/cwd" && f.Cwd != "", inside == "/user" && f.User != "",
		inside == "/selinuxLabel" && f.ProcessLabel != "", inside == "/apparmorProfile" && f.Apparmor != "":
		c.Pointer = ""
	case x.file != "":
		c.File, c.Pointer = x.file, inside
	}
	return &c
}

func (x *execution) abort() {
	if x.proc != nil {
		x.proc.Abort()
	}
}

func (x *execution) close() {
	closeFd(x.entryFd)
	closeFd(x.initFd)
	closeFd(x.image.Fd)
	closeFd(x.masterFd)
	if x.proc != nil {
		x.proc.Close()
	}
	if x.cgroup != nil {
		x.cgroup.Close()
	}
	if x.dir != nil {
		x.dir.Close()
	}
}

// findContainer opens the container, whose init must live: it owns the namespaces.
func (x *execution) findContainer() (err error) {
	if err := checkPreserved(x.o.PreserveFDs); err != nil {
		return err
	}
	if x.dir, x.record, err = x.open(x.o.ID); err != nil {
		return err
	}
	if !x.o.IgnorePaused {
		if x.entryFd, err = x.dir.LockEntry(unix.LOCK_SH); err != nil {
			return goneOr(x.dir, err)
		}
	}
	switch status := statusOf(x.dir, x.record); {
	case status == StatusCreating:
		return &fault.Error{Err: fault.Text("cannot exec in a container that is being created"), Hint: "wait until create has returned"}
	case status == StatusStopped:
		return fault.Text("cannot exec in a stopped container")
	case status == StatusPaused && !x.o.IgnorePaused:
		return fault.Text("cannot exec in a paused container (use --ignore-paused to override)")
	}
	x.initFd, err = openInit(x.record)
	return err
}

func (x *execution) compile() (err error) {
	kinds, err := foreignNamespaces(x.record.Init.Pid)
	if err != nil {
		return err
	}
	facts, err := labels(x.spec.Process)
	if err != nil {
		return err
	}
	x.plan, err = plan.CompileExec(&plan.ExecInput{
		Labels: facts,
		Spec:   x.spec, ID: x.o.ID, NoNewKeyring: x.record.NoNewKeyring, PreserveFDs: x.o.PreserveFDs, ExtraEnv: x.o.Env,
		Rootfs: x.record.Rootfs, SharesMountNS: kinds&unix.CLONE_NEWNS == 0,
	})
	if err != nil {
		return err
	}
	x.plan.CloneFlags = kinds
	for _, w := range x.plan.Warnings {
		x.debug("exec " + x.o.ID + ": " + w)
	}
	return nil
}

func (x *execution) findCgroup() (err error) {
	if x.cgroup, err = recordedCgroup(x.record); err != nil {
		return err
	}
	if x.cgroup == nil {
		if len(x.o.Cgroups) > 0 {
			return &fault.Error{Op: "--cgroup", Path: x.o.Cgroups[0], Err: fault.Text("the container has no cgroup")}
		}
		return nil
	}
	if err := x.cgroup.Enter(x.o.Cgroups); err != nil {
		return err
	}
	x.late = x.cgroup.Crowded()
	return nil
}

func (x *execution) openImage() (err error) {
	x.image, err = launch.OpenImage(x.dir.CacheDir())
	return err
}

// startInit clones init. It shares our memory until it executes its image, and the container may see it by then, so nobody in
// there may look at or trace what is not dumpable (CVE-2016-9962).
func (x *execution) startInit() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return &fault.Error{Op: "prctl", Path: "PR_SET_DUMPABLE", Err: err}
	}
	o := &launch.Options{
		Image: x.image, CgroupFd: -1, PreserveFDs: x.o.PreserveFDs, KeepAffinity: len(x.plan.InitialCPUs) > 0,
		Target:     &launch.Target{Pidfd: x.initFd, Kinds: x.plan.CloneFlags},
		KeepGroups: spec.KeepsGroups(x.spec),
	}
	if o.KeepAffinity { // init inherits that of the thread that clones it
		runtime.LockOSThread()
		if err := process.SetAffinity(x.plan.InitialCPUs); err != nil {
			return fault.At("/process/execCPUAffinity/initial", err)
		}
	}
	var err error
	if x.cgroup != nil && !x.late {
		if o.CgroupFd, err = x.cgroup.UnifiedFd(); err != nil {
			return err
		}
	}
	return x.intoCgroup(o.CgroupFd, func(fd int) error {
		o.CgroupFd = fd
		x.proc, err = launch.Start(o)
		return err
	})
}

// intoCgroup puts a process into the container's cgroup, open as fd or −1, or into that of its init: the container may have made
// cgroups below its own and enabled controllers for them, so that its own can hold no process (D13).
func (x *execution) intoCgroup(fd int, put func(fd int) error) error {
	err := put(fd)
	if !errors.Is(err, unix.EBUSY) || x.cgroup == nil || len(x.o.Cgroups) > 0 {
		return err
	}
	if fd, err = x.cgroup.EnterOf(x.record.Init.Pid); err != nil {
		return err
	}
	return put(fd)
}

func (x *execution) joinCgroups() error {
	if x.cgroup == nil || x.late {
		return nil
	}
	return x.cgroup.Add(x.proc.Pid, false)
}

// joinCrowded moves init into a cgroup that has reached its limit on processes: somebody wants to look at a container that
// forks too much, and the limit holds for those who fork. Init has started outside, because it cannot do without its threads.
func (x *execution) joinCrowded() error {
	if !x.late {
		return nil
	}
	return x.intoCgroup(-1, func(int) error { return x.cgroup.Add(x.proc.Pid, true) })
}

func (x *execution) seccomp() error {
	return x.fillFilter(x.plan, x.spec, x.dir.CacheDir(), "exec "+x.o.ID)
}

func (x *execution) joinResctrl() error {
	if g := recordedResctrl(x.record); g != nil {
		return g.Add(x.proc.Pid)
	}
	return nil
}

func (x *execution) await() error {
	if err := x.proc.SendPlan(x.plan.Init, nil, -1); err != nil {
		return err
	}
	h := &launch.Handlers{Warn: func(text string) { x.debug("exec " + x.o.ID + ": " + text) }, Listener: x.listener()}
	if x.spec.Process.Terminal {
		h.Console = x.console
	}
	return x.proc.Await(h, initTimeout.Milliseconds())
}

// listener gives the listener of the filter to the agent. The state that goes with it is that of a container that runs, and
// the pid beside it that of this process (config-linux.md, "containerProcessState").
func (x *execution) listener() func(listenerFd int) error {
	return listenerOf(x.spec, recordState(x.record, specs.StateRunning, x.record.Init.Pid), x.proc.Pid)
}

func (x *execution) console(masterFd int, name string) error {
	if x.o.ConsoleSocket == "" {
		x.masterFd = masterFd
		return nil
	}
	defer unix.Close(masterFd)
	return foreground.SendMaster(x.o.ConsoleSocket, masterFd, name)
}

func (x *execution) handOver() error {
	if x.o.PidfdSocket != "" {
		if err := sendPidfd(x.o.PidfdSocket, x.proc.Pidfd); err != nil {
			return err
		}
	}
	if x.o.PidFile != "" {
		return writePidFile(x.o.PidFile, x.proc.Pid)
	}
	return nil
}

// begin has the program executed.
func (x *execution) begin() error {
	err := x.proc.Begin(initTimeout.Milliseconds(), x.listener())
	if err != nil {
		x.abort()
		removePidFile(x.o.PidFile) // it would name a process that is gone
	}
	closeFd(x.entryFd)
	x.entryFd = -1
	return err
}

func (x *execution) supervise() (int, error) {
	session := foreground.Options{
		Pid: x.proc.Pid, Pidfd: x.proc.Pidfd, MasterFd: x.masterFd, Stdin: os.Stdin, Stdout: os.Stdout, Start: x.begin,
	}
	x.masterFd = -1 // Supervise closes it
	var err error
	if session.Signals, err = foreground.CatchSignals(session.MasterFd >= 0); err != nil {
		x.abort()
		return 0, err
	}
	return foreground.Supervise(session)
}

// namespaceFiles are the names of the namespaces in /proc/PID/ns.
var namespaceFiles = [...]struct {
	name string
	kind uint64
}{
	{"user", unix.CLONE_NEWUSER}, {"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"net", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"time", unix.CLONE_NEWTIME},
}

// foreignNamespaces are the kinds in which a process is not where we are. One that both share need not be joined, and may
// not be: the kernel refuses a process that enters the user namespace it is in. What the container was created with does not
// decide: it may have shared a namespace with its creator that we are not in.
func foreignNamespaces(pid int) (kinds uint64, err error) {
	for _, n := range namespaceFiles {
		var ours, theirs unix.Stat_t
		err := unix.Stat("/proc/self/ns/"+n.name, &ours)
		if err == unix.ENOENT {
			continue // this kernel has no such namespaces
		}
		if err == nil {
			err = unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/"+n.name, &theirs)
		}
		if err == unix.ENOENT || err == unix.ESRCH {
			return 0, fault.ErrNotRunning
		}
		if err != nil {
			return 0, &fault.Error{Op: "namespace", Path: n.name, Err: err}
		}
		if ours.Ino != theirs.Ino || ours.Dev != theirs.Dev {
			kinds |= n.kind
		}
	}
	return kinds, nil
}
