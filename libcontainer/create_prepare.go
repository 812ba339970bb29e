package libcontainer

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/plan"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/state"
)

// The steps of create that change nothing but the state directory.

func (c *creation) load() error {
	if err := state.CheckID(c.o.ID); err != nil {
		return err
	}
	if err := checkPreserved(c.o.PreserveFDs); err != nil {
		return err
	}
	err := c.read()
	if err != nil {
		return err
	}
	if c.spec, err = spec.Load(c.config); err != nil {
		return err
	}
	problems := spec.Validate(c.spec)
	if len(problems) > 0 {
		for _, p := range problems[1:] {
			c.debug("create " + c.o.ID + ": " + p.Error())
		}
		return problems[0]
	}
	if err := c.checkHostNamespaces(); err != nil {
		return err
	}
	if err := checkAgent(c.spec); err != nil {
		return err
	}
	return c.checkConsole()
}

// read finds the bundle and reads its configuration.
func (c *creation) read() error {
	bundle, err := filepath.Abs(c.o.Bundle)
	if err != nil {
		return &fault.Error{Op: "bundle", Path: c.o.Bundle, Err: errnoOf(err)}
	}
	c.bundle = bundle
	file := c.o.Config
	if file == "" {
		file = filepath.Join(bundle, "config.json")
	}
	if c.config, err = readConfig(file); err != nil {
		e := &fault.Error{Op: "open", Path: file, Err: err}
		if err == unix.ENOENT {
			e.Hint = "every bundle has a config.json; tare-spec(8) writes one"
		}
		return e
	}
	return nil
}

// readConfig reads a file of at most spec.MaxSize bytes. Package os would set up its poller for this one file.
func readConfig(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd)
}

// readDocument is readConfig for an argument of a command; - is standard input.
func readDocument(file string) ([]byte, error) {
	if file == "-" {
		return readAll(unix.Stdin)
	}
	return readConfig(file)
}

// documentName is what errors call such a file.
func documentName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

func readAll(fd int) ([]byte, error) {
	content := make([]byte, 0, 16<<10)
	for {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := unix.Read(fd, content[len(content):cap(content)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return content, nil
		case len(content)+n > spec.MaxSize:
			return nil, unix.EFBIG
		default:
			content = content[:len(content)+n]
		}
	}
}

func (c *creation) checkConsole() error {
	return checkTerminal(c.spec.Process != nil && c.spec.Process.Terminal, c.o.ConsoleSocket, c.by != foregroundRun)
}

// checkTerminal matches what a process wants of a terminal with what the caller offers.
func checkTerminal(terminal bool, socket string, detach bool) error {
	switch {
	case terminal && socket == "" && detach:
		return &fault.Error{Pointer: "/process/terminal", Err: fault.Text("cannot allocate tty if tare will detach without setting console socket"), Hint: "give --console-socket, or set terminal to false"}
	case !terminal && socket != "":
		return &fault.Error{Pointer: "/process/terminal", Err: fault.Text("cannot use console socket if tare will not detach or allocate tty"), Hint: "set terminal to true, or leave out --console-socket"}
	case terminal && socket != "":
		return checkSocket("console socket", socket)
	}
	return nil
}

func checkSocket(op, path string) error {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		err = unix.ENOTSOCK
	}
	if err != nil {
		return &fault.Error{Op: op, Path: path, Err: err}
	}
	return nil
}

// checkPreserved refuses a descriptor that the caller promised and did not open. It must run before we open any.
func checkPreserved(n int) error {
	if n < 0 || n > 1<<16 {
		return &fault.Error{Op: "preserve-fds", Err: fault.Text("is " + strconv.Itoa(n)), Hint: "give the number of descriptors from 3 on"}
	}
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // not the caller's, who cannot pass such a one: the Go runtime keeps two of its own
		}
		if err != nil {
			return &fault.Error{Op: "preserve-fds", Path: strconv.Itoa(fd), Err: err, Hint: "the caller must have this descriptor open"}
		}
	}
	return nil
}

// checkDirectory refuses what is not a directory, by the name of what it shall be.
func checkDirectory(what, pointer, path string) error {
	var st unix.Stat_t
	err := unix.Lstat(path, &st)
	switch {
	case err != nil:
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return &fault.Error{Pointer: pointer, Op: what, Path: path, Err: fault.Text("is a symbolic link"), Hint: "give the directory it leads to"}
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		err = unix.ENOTDIR
	}
	if err != nil {
		return &fault.Error{Pointer: pointer, Op: what, Path: path, Err: err, Hint: "the " + what + " must be an existing directory"}
	}
	return nil
}

func (c *creation) compile() error {
	in := &plan.Input{
		Spec: c.spec, ID: c.o.ID, Bundle: c.bundle, NoPivot: c.o.NoPivot, NoNewKeyring: c.o.NoNewKeyring,
		PreserveFDs: c.o.PreserveFDs, ExtraEnv: c.o.Env,
	}
	if err := c.planNotify(in); err != nil {
		return err
	}
	var err error
	if in.Labels, err = labels(c.spec.Process); err != nil {
		return err
	}
	if err := c.planOverlay(in); err != nil {
		return err
	}
	in.Links = c.linkTargets()
	if err := checkMountLabel(c.spec); err != nil {
		return err
	}
	if err := c.planCgroup(in); err != nil {
		return err
	}
	if err := c.planResctrl(); err != nil {
		return err
	}
	if c.plan, err = plan.Compile(in); err != nil {
		return err
	}
	for _, w := range c.plan.Warnings {
		c.debug("create " + c.o.ID + ": " + w)
	}
	if err := c.checkRootless(); err != nil {
		return err
	}
	return checkRootfs(c.plan.Rootfs)
}

// planCgroup finds the hierarchies and the container's place in them, without making it.
func (c *creation) planCgroup(in *plan.Input) error {
	mounted := slices.ContainsFunc(c.spec.Mounts, func(m specs.Mount) bool { return m.Type == "cgroup" })
	disabled := c.CgroupManager == "disabled"
	if disabled && !mounted {
		return nil
	}
	host, err := cgroups.Detect()
	if err != nil {
		return err
	}
	if !disabled {
		c.host = host
		if err := c.placeCgroup(); err != nil {
			return err
		}
	}
	switch {
	case !mounted:
	case c.cgroup != nil:
		in.Cgroups = host.MountHierarchies(c.cgroup)
	default: // Podman leaves the mount in place when it disables cgroups
		in.Cgroups, in.ForeignCgroups = host.ForeignHierarchies(), true
	}
	return nil
}

// placeCgroup says where the container's cgroup will be, if it gets one.
func (c *creation) placeCgroup() (err error) {
	path := ""
	if c.spec.Linux != nil {
		path = c.spec.Linux.CgroupsPath
	}
	if c.CgroupManager == "systemd" {
		return c.planUnit(path)
	}
	if path == "" && c.rootless() {
		path = c.host.OwnPath(c.o.ID)
	}
	if path, err = c.host.Path(path, c.o.ID); err != nil {
		return fault.At("/linux/cgroupsPath", err)
	}
	c.cgroup = c.host.New(path)
	return c.withoutCgroup()
}

// planUnit names the unit of systemd that the cgroup will be.
func (c *creation) planUnit(path string) error {
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return &fault.Error{Op: "runtime root", Path: c.Root, Err: errnoOf(err)}
	}
	c.cgroup, err = c.host.NewUnit(&cgroups.UnitOptions{
		CgroupsPath: path, ID: c.o.ID, Root: root, Annotations: c.spec.Annotations, Resources: c.resources(),
	})
	return err
}

// recordIntent makes the state directory and takes the lock that is held until create is over.
func (c *creation) recordIntent() error {
	root, err := state.OpenRoot(c.Root, true)
	if err != nil {
		return err
	}
	c.root = root
	if c.dir, err = root.Create(c.o.ID); err != nil {
		return err
	}
	c.record = &state.Record{
		Creating: true, OCIVersion: c.spec.Version, Bundle: c.bundle, Rootfs: c.plan.Rootfs, Created: time.Now().UTC(),
		Owner: uint32(unix.Getuid()), Annotations: c.spec.Annotations,
		NoNewKeyring: c.o.NoNewKeyring, NoProgram: c.spec.Process == nil, SharedPid: !c.plan.PrivatePid, StartSeconds: startSeconds(c.spec.Hooks),
		Overlay: recordOverlay(c.overlay), Resctrl: recordResctrl(c.resctrl), Listener: hasListener(c.spec),
	}
	if h := c.spec.Hooks; h != nil {
		c.record.Poststart, c.record.Poststop = len(h.Poststart) > 0, len(h.Poststop) > 0
	}
	// A cgroup that was there may have been that of a container with this id, which is gone now that the id is ours.
	if c.cgroup != nil && c.cgroup.Existed() {
		c.cgroup.Close()
		if err := c.placeCgroup(); err != nil {
			return err
		}
	}
	c.record.Cgroup = recordCgroup(c.cgroup)
	// The record comes last: where there is one there is a configuration, until a removal has begun.
	if err := c.dir.SaveConfig(c.config); err != nil {
		return err
	}
	return c.dir.Save(c.record)
}

// linkTargets reads the sources that are symbolic links and wanted as such. Whatever else is wrong with a source is found when
// it is mounted.
func (c *creation) linkTargets() map[int]string {
	var targets map[int]string
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if !slices.Contains(m.Options, "copy-symlink") {
			continue
		}
		source := m.Source
		if !filepath.IsAbs(source) {
			source = filepath.Join(c.bundle, source)
		}
		if target, err := os.Readlink(source); err == nil {
			if targets == nil {
				targets = map[int]string{}
			}
			targets[i] = target
		}
	}
	return targets
}
