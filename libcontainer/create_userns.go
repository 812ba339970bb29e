package libcontainer

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/hooks"
	"github.com/tare-run/tare/libcontainer/launch"
	"github.com/tare-run/tare/libcontainer/rootfs"
	"github.com/tare-run/tare/libcontainer/step"
	"github.com/tare-run/tare/libcontainer/userns"
)

// heldKinds are the namespaces that are made by a holder and then joined.
const heldKinds = unix.CLONE_NEWUSER | unix.CLONE_NEWTIME

// holdNamespaces makes the user and the time namespace, sets them up, and keeps them by descriptor.
func (c *creation) holdNamespaces() error {
	kinds := c.plan.CloneFlags & heldKinds
	if kinds == 0 {
		return nil
	}
	h, err := launch.Hold(kinds)
	if err != nil {
		return c.userHint(kinds, err)
	}
	defer h.Close()
	if kinds&unix.CLONE_NEWUSER != 0 {
		l := c.spec.Linux
		if err := userns.WriteMaps(h.Pid, mappings(l.UIDMappings), mappings(l.GIDMappings), runMapHelper); err != nil {
			return fault.At("/linux/uidMappings", err)
		}
	}
	if c.plan.TimeOffsets != "" {
		if err := userns.WriteTimeOffsets(h.Pid, c.plan.TimeOffsets); err != nil {
			return fault.At("/linux/timeOffsets", err)
		}
	}
	for _, kind := range [...]uint64{unix.CLONE_NEWTIME, unix.CLONE_NEWUSER} {
		if kinds&kind == 0 {
			continue
		}
		fd, err := h.Open(kind)
		if err != nil {
			return err
		}
		c.held = append(c.held, launch.Held{Kind: kind, Fd: fd})
	}
	return nil
}

// userHint names the setting that forbids user namespaces, where one does.
func (c *creation) userHint(kinds uint64, err error) error {
	e, ok := err.(*fault.Error)
	if ok && kinds&unix.CLONE_NEWUSER != 0 && e.Hint == "" {
		e.Hint = userns.Forbidden()
	}
	return err
}

func mappings(list []specs.LinuxIDMapping) []userns.Mapping {
	all := make([]userns.Mapping, 0, len(list))
	for _, m := range list {
		all = append(all, userns.Mapping{Container: m.ContainerID, Host: m.HostID, Size: m.Size})
	}
	return all
}

// mapHelperSeconds bounds newuidmap and newgidmap, which may ask a directory service.
const mapHelperSeconds = 30

func runMapHelper(path string, args []string) error {
	return hooks.Run(&hooks.Hook{Kind: args[0], Path: path, Args: args, TimeoutSeconds: mapHelperSeconds}, nil)
}

// checkJoined compares the mappings in config.json with those that a joined user namespace has (G7): a container that runs with
// others than it asks for would write files as somebody else.
func (c *creation) checkJoined() error {
	l := c.spec.Linux
	if !c.plan.UserNamespace || c.plan.CloneFlags&unix.CLONE_NEWUSER != 0 || len(l.UIDMappings)+len(l.GIDMappings) == 0 {
		return nil
	}
	if err := userns.CheckMaps(c.init.Pid, "uid_map", mappings(l.UIDMappings)); err != nil {
		return fault.At("/linux/uidMappings", err)
	}
	return fault.At("/linux/gidMappings", userns.CheckMaps(c.init.Pid, "gid_map", mappings(l.GIDMappings)))
}

// openTrees opens the root and the sources of bind mounts for a root of a user namespace that may not be able to reach them
// (F38): it is another user on the host. Who may not do that, an unprivileged runtime, has them opened by init, which is the
// same user as the runtime. In a mount namespace that is joined the paths are that namespace's, so init opens them there.
func (c *creation) openTrees() error {
	if !c.plan.UserNamespace || unix.Geteuid() != 0 {
		return nil
	}
	private := c.plan.CloneFlags&unix.CLONE_NEWNS != 0
	for i := range c.plan.Init {
		var number *int
		var fd int
		var err error
		switch s := c.plan.Init[i].Step.(type) {
		case *step.Root:
			if s.Shared && c.plan.JoinsMounts() {
				continue
			}
			number = &s.Tree
			fd, err = c.openTree(s.Path, true, s.Shared, false)
		case *step.OverlayRoot:
			if !private {
				continue
			}
			if err := c.openOverlayTrees(s); err != nil {
				return fault.At(c.plan.Init[i].Pointer, err)
			}
			continue
		case *step.Mount:
			if !private || !s.Options.Bind || s.Options.Remount || s.LinkTarget != "" {
				continue
			}
			number = &s.Tree
			fd, err = c.openTree(s.Source, s.Options.Recursive, false, s.Options.SourceNofollow)
			err = fault.At("source", err)
		default:
			continue
		}
		if errors.Is(err, unix.EPERM) {
			return nil // no CAP_SYS_ADMIN where the mounts belong to
		}
		if err != nil {
			return fault.At(c.plan.Init[i].Pointer, err)
		}
		c.trees = append(c.trees, fd)
		*number = len(c.trees)
	}
	return nil
}

// openTree opens one. What is copied from a shared mount would be shared with it; the container's mounts are the host's slaves
// at most, as the kernel itself arranges for a mount namespace that another user namespace owns (mount_namespaces(7)).
func (c *creation) openTree(path string, recursive, shared, nofollow bool) (int, error) {
	if shared {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, &fault.Error{Op: "open root", Path: path, Err: err}
		}
		return fd, nil
	}
	fd, err := rootfs.OpenSource(path, recursive, nofollow)
	if err != nil {
		return -1, err
	}
	if err := rootfs.MakeSlave(fd); err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "make slave", Path: path, Err: err}
	}
	return fd, nil
}
