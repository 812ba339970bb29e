package plan

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/overlay"
	"github.com/tare-run/tare/libcontainer/step"
)

func (c *compiler) root() error {
	path := c.spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.in.Bundle, path)
	}
	c.plan.Rootfs = filepath.Clean(path)
	if !c.ns.has(unix.CLONE_NEWNS) {
		return c.rootWithoutMounts()
	}
	c.add("/linux/rootfsPropagation", &step.Propagation{Flag: treePropagation(c.linux().RootfsPropagation)})
	if c.in.Overlay != nil {
		return c.overlayRoot(c.in.Overlay)
	}
	c.add("/root/path", &step.Root{Path: c.plan.Rootfs})
	return nil
}

// overlayRoot has the SELinux label of the container's mounts, as any new file system. In a user namespace the notes that the
// overlay makes on files are extended attributes that its root may set (Linux 5.11).
func (c *compiler) overlayRoot(o *overlay.Config) error {
	user := c.ns.has(unix.CLONE_NEWUSER)
	if o.Mapped && !user {
		return &fault.Error{Pointer: fault.Ptr("annotations", overlay.AnnotationIDMap), Op: "overlay", Err: fault.Text("idmapped layers need a user namespace")}
	}
	s := &step.OverlayRoot{
		Path: c.plan.Rootfs, Dir: o.Dir, Tmpfs: o.Tmpfs, Lower: o.Lower, Options: slices.Clip(o.Options), AppendLower: c.in.AppendLower, Mapped: o.Mapped,
	}
	if user && !slices.Contains(o.Options, "userxattr") {
		s.Options = append(s.Options, "userxattr")
	}
	if label := c.linux().MountLabel; label != "" {
		s.Options = append(s.Options, "context="+label)
	}
	c.add("/root/path", s)
	return nil
}

// rootWithoutMounts plans a container that shares the runtime's mount namespace: a change of root directory and no more.
func (c *compiler) rootWithoutMounts() error {
	l := c.linux()
	switch {
	case c.in.Overlay != nil:
		return c.noMountNamespace("/root/path", "an overlay")
	case c.in.NotifyDir != "":
		return c.noMountNamespace("", "NOTIFY_SOCKET")
	case len(c.spec.Mounts) > 0:
		return c.noMountNamespace("/mounts", "a mount")
	case c.spec.Root.Readonly:
		return c.noMountNamespace("/root/readonly", "a read-only root")
	case len(l.MaskedPaths) > 0:
		return c.noMountNamespace("/linux/maskedPaths", "masking a path")
	case len(l.ReadonlyPaths) > 0:
		return c.noMountNamespace("/linux/readonlyPaths", "a read-only path")
	case l.RootfsPropagation != "":
		return c.noMountNamespace("/linux/rootfsPropagation", "changing propagation")
	case c.spec.Process != nil && c.spec.Process.Terminal:
		return c.noMountNamespace("/process/terminal", "a terminal")
	}
	c.add("/root/path", &step.Root{Path: c.plan.Rootfs, Shared: true})
	return nil
}

// treePropagation is what "/" gets before the first mount: slave, so that nothing reaches the host. A container that asks
// for shared is how Kubernetes has its volumes mounted in both directions; the mounts of the container's own root do not
// propagate even then (package rootfs makes the tree below it slave).
func treePropagation(word string) uint64 {
	switch word {
	case "shared", "rshared":
		return unix.MS_SHARED
	case "private", "rprivate", "unbindable", "runbindable":
		return unix.MS_PRIVATE
	}
	return unix.MS_SLAVE
}

// propagationChange parses rootfsPropagation.
func propagationChange(word string) (step.PropagationChange, bool) {
	recursive := len(word) > 0 && word[0] == 'r'
	if recursive {
		word = word[1:]
	}
	p := step.PropagationChange{Recursive: recursive}
	switch word {
	case "shared":
		p.Flag = unix.MS_SHARED
	case "slave":
		p.Flag = unix.MS_SLAVE
	case "private":
		p.Flag = unix.MS_PRIVATE
	case "unbindable":
		p.Flag = unix.MS_UNBINDABLE
	default:
		return p, false
	}
	return p, true
}

// seal is what closes the root: nothing after it writes there.
func (c *compiler) seal() error {
	l := c.linux()
	c.sysctls()
	if !c.ns.has(unix.CLONE_NEWNS) {
		c.add("", &step.Chroot{})
		c.makeCwd()
		return nil
	}
	for i, p := range l.ReadonlyPaths {
		c.add(fault.Ptr("linux", "readonlyPaths", i), &step.ReadonlyPath{Path: p})
	}
	for i, p := range l.MaskedPaths {
		c.add(fault.Ptr("linux", "maskedPaths", i), &step.Mask{Path: p})
	}
	c.add("", &step.Pivot{NoPivot: c.in.NoPivot}) // after the masks: what is bound on them comes from the host's mounts
	c.makeCwd()
	if c.spec.Root.Readonly {
		c.add("/root/readonly", &step.RootReadonly{}) // after the working directory may have been made
	}
	word := l.RootfsPropagation
	if word == "" {
		return nil
	}
	change, ok := propagationChange(word)
	if !ok {
		return &fault.Error{Pointer: "/linux/rootfsPropagation", Op: "propagation", Path: word, Err: fault.Text("is unknown"), Hint: "use shared, slave, private or unbindable, or one of them with r in front"}
	}
	c.add("/linux/rootfsPropagation", &step.RootPropagation{Change: change})
	return nil
}

func (c *compiler) makeCwd() {
	if p := c.spec.Process; p != nil {
		c.add("/process/cwd", &step.MakeCwd{Path: p.Cwd})
	}
}
