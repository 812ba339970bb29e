package initproc

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/console"
	"github.com/tare-run/tare/libcontainer/devices"
	"github.com/tare-run/tare/libcontainer/hooks"
	"github.com/tare-run/tare/libcontainer/lsm"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/rootfs"
	"github.com/tare-run/tare/libcontainer/step"
	"github.com/tare-run/tare/libcontainer/wire"
)

// take carries out one step. Package plan has put the steps in order and says why; here is only what each one is.
func (p *proc) take(s step.Step) error {
	switch s := s.(type) {
	case *step.KeyLabel:
		return p.withProc(func(proc *safepath.Proc) error { return lsm.KeyLabel(proc, s.Label) })
	case *step.Keyring:
		return p.warnings(process.Keyring(s.Name))
	case *step.CgroupNamespace:
		return unix.Unshare(unix.CLONE_NEWCGROUP)
	case *step.Loopback:
		return process.Loopback()
	case *step.Hostname:
		return process.Hostname(s.Name)
	case *step.Domainname:
		return process.Domainname(s.Name)
	case *step.Propagation:
		return rootfs.SetPropagation(s.Flag)
	case *step.Root:
		return p.openRoot(s)
	case *step.OverlayRoot:
		return p.openOverlay(s)
	case *step.Inside:
		return p.openInside()
	case *step.Unmount:
		return p.root.FindMount(s.Destination)
	case *step.Report:
		return p.report()
	case *step.Mount:
		return p.mount(s)
	case *step.CgroupMount:
		return p.root.CgroupMount(s)
	case *step.Device:
		return devices.Make(p.root.Fd(), s)
	case *step.DevLinks:
		return devices.Links(p.root.Fd())
	case *step.Console:
		return p.openConsole(s)
	case *step.RuntimeHooks:
		return p.runtimeHooks()
	case *step.Hook:
		return p.runHook(s)
	}
	return p.takeLate(s)
}

// takeLate carries out the steps from the sealing of the root on.
func (p *proc) takeLate(s step.Step) error {
	switch s := s.(type) {
	case *step.Sysctl:
		return p.sysctl(s)
	case *step.Mask:
		return p.root.Mask(s.Path)
	case *step.ReadonlyPath:
		return p.root.ReadonlyPath(s.Path)
	case *step.Pivot:
		if s.NoPivot {
			return p.root.Move()
		}
		return p.root.Pivot()
	case *step.Chroot:
		return p.root.Chroot()
	case *step.MakeCwd:
		return process.MakeCwd(s.Path, s.Existing)
	case *step.RootReadonly:
		return p.root.MakeReadonly()
	case *step.RootPropagation:
		return p.root.SetPropagation(s.Change)
	case *step.AppArmor:
		return p.withProc(func(proc *safepath.Proc) error { return lsm.AppArmor(proc, s.Profile, s.Own) })
	case *step.SELinux:
		return p.withProc(func(proc *safepath.Proc) error { return lsm.SELinux(proc, s.Label) })
	case *step.Affinity:
		return process.SetAffinity(s.CPUs)
	case *step.OOMScoreAdj:
		return p.oomScoreAdj(s.Adj)
	case *step.Scheduler:
		return process.Schedule(s)
	case *step.IOPriority:
		return process.IOPriority(s)
	case *step.Personality:
		return process.SetPersonality(s.Domain)
	case *step.MemoryPolicy:
		return process.SetMemoryPolicy(s)
	case *step.Rlimits:
		return process.Rlimits(s)
	case *step.Stdio:
		return process.Stdio(s.UID)
	case *step.Bounding:
		return p.bounding(s.Mask)
	case *step.Identity:
		return p.identity(s)
	case *step.Capabilities:
		return p.capabilities(s)
	case *step.NoNewPrivs:
		return process.NoNewPrivs()
	case *step.Cwd:
		return process.Cwd(s.Path)
	case *step.LookPath:
		return p.lookPath(s)
	case *step.WaitStart:
		return p.waitStart()
	case *step.CloseFDs:
		return p.closeDescriptors(s.Preserve)
	case *step.Seccomp:
		return p.loadFilter(s)
	case *step.Exec:
		return process.Exec(p.program, s.Args, s.Env)
	}
	return fault.Text("init does not know this step")
}

func (p *proc) warnings(warning, err error) error {
	if warning != nil {
		p.warn(warning.Error())
	}
	return err
}

// descriptor hands over one of those that came with the plan, which steps count from 1. It is the caller's then.
func (p *proc) descriptor(number int) (int, error) {
	if number > len(p.fds) || p.fds[number-1] < 0 {
		return -1, errOrder
	}
	fd := p.fds[number-1]
	p.fds[number-1] = -1
	return fd, nil
}

func (p *proc) mount(s *step.Mount) error {
	if s.Tree == 0 {
		usernsFd := -1
		if s.UserNamespace > 0 {
			var err error
			if usernsFd, err = p.descriptor(s.UserNamespace); err != nil {
				return err
			}
			defer unix.Close(usernsFd)
		}
		return p.root.MountMapped(s, usernsFd)
	}
	treeFd, err := p.descriptor(s.Tree)
	if err != nil {
		return err
	}
	return p.root.MountTree(s, treeFd)
}

func (p *proc) openRoot(s *step.Root) (err error) {
	if s.Tree > 0 {
		treeFd, err := p.descriptor(s.Tree)
		if err != nil {
			return err
		}
		p.root, err = rootfs.OpenTree(treeFd, s.Path, s.Shared)
		return err
	}
	if s.Shared {
		p.root, err = rootfs.OpenShared(s.Path)
	} else {
		p.root, err = rootfs.Open(s.Path)
	}
	return err
}

func (p *proc) openOverlay(s *step.OverlayRoot) (err error) {
	trees := make([]int, len(s.Trees))
	for i, number := range s.Trees {
		if trees[i], err = p.descriptor(number); err != nil {
			return err
		}
	}
	p.root, err = rootfs.OpenOverlay(s, trees)
	return err
}

// openConsole makes the terminal, shows the first one as /dev/console, and sends the master away before anything can use it.
func (p *proc) openConsole(s *step.Console) error {
	rootFd := -1
	if s.Exec { // inside already
		var err error
		if rootFd, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return &fault.Error{Op: "open", Path: "/", Err: err}
		}
		defer unix.Close(rootFd)
	} else {
		rootFd = p.root.Fd()
	}
	pty, err := console.Allocate(rootFd, s.Width, s.Height)
	if err != nil {
		return err
	}
	defer unix.Close(pty.MasterFd)
	if !s.Exec {
		if err := p.root.BindConsole(pty.SlaveFd); err != nil {
			unix.Close(pty.SlaveFd)
			return err
		}
	}
	if err := p.conn.Send(&wire.Console{Name: pty.Name}, pty.MasterFd); err != nil {
		unix.Close(pty.SlaveFd)
		return &fault.Error{Op: "send terminal", Err: err}
	}
	return console.Attach(pty.SlaveFd)
}

// runtimeHooks lets the runtime side run its hooks and waits for them.
func (p *proc) runtimeHooks() error {
	if err := p.conn.Send(&wire.Ready{}); err != nil {
		unix.Exit(255) // I3
	}
	m, _, err := p.conn.Recv()
	if err != nil {
		unix.Exit(255) // a hook failed: create has said so, and is about to kill us
	}
	if _, ok := m.(*wire.Run); !ok {
		return errOrder
	}
	return nil
}

// runHook completes the state with our pid as the container sees it.
func (p *proc) runHook(s *step.Hook) error {
	p.hookRan = true
	state := append(strconv.AppendInt(s.StatePrefix, int64(unix.Getpid()), 10), '}')
	h := hooks.Hook{Kind: s.Kind, Path: s.Path, Args: s.Args, Env: s.Env, TimeoutSeconds: s.TimeoutSeconds}
	return hooks.Run(&h, state)
}

func (p *proc) sysctl(s *step.Sysctl) error {
	return p.withProc(func(proc *safepath.Proc) error { return proc.Write("sys/"+s.Path, []byte(s.Value)) })
}

func (p *proc) oomScoreAdj(adj int) error {
	text, err := process.OOMScoreAdjText(adj)
	if err != nil {
		return err
	}
	err = p.withProc(func(proc *safepath.Proc) error { return proc.WriteSelf("oom_score_adj", text) })
	if err == unix.EACCES {
		return &fault.Error{Op: "oom_score_adj", Path: strconv.Itoa(adj), Err: err, Hint: process.LowOOMScoreHint}
	}
	return err
}

func (p *proc) bounding(mask uint64) error {
	missing, err := capabilities.DropBounding(mask)
	if missing != 0 {
		p.warn("capabilities that cannot be granted: " + capabilities.List(missing))
	}
	return err
}

func (p *proc) identity(s *step.Identity) error {
	if err := p.warnings(process.Identity(s)); err != nil {
		return err
	}
	return p.stayBound()
}

func (p *proc) capabilities(s *step.Capabilities) error {
	denied, err := capabilities.Set(s)
	if denied.Sets|denied.Ambient != 0 {
		p.warn("capabilities that cannot be granted: " + capabilities.List(denied.Sets|denied.Ambient) + " (ambient ones must be permitted and inheritable too)")
	}
	return err
}

// lookPath finds the program and completes the environment, while the container's files can be read with its identity.
func (p *proc) lookPath(s *step.LookPath) error {
	program, err := process.LookPath(s.Name, p.exec.Env)
	if err != nil {
		return err
	}
	p.program = program
	p.exec.Env = process.Home(p.exec.Env, s.UID)
	p.socketActivation()
	return nil
}

// socketActivation writes our pid into LISTEN_PID, which the program compares with its own (sd_listen_fds(3)).
func (p *proc) socketActivation() {
	for i, entry := range p.exec.Env {
		if strings.HasPrefix(entry, "LISTEN_PID=") {
			p.exec.Env[i] = "LISTEN_PID=" + strconv.Itoa(unix.Getpid())
		}
	}
}
