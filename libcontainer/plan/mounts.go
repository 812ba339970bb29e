package plan

import (
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/mountopt"
	"github.com/tare-run/tare/libcontainer/notify"
	"github.com/tare-run/tare/libcontainer/step"
)

// mounts keeps the listed order (config.md, "Mounts": MUST).
func (c *compiler) mounts() error {
	for i := range c.spec.Mounts {
		if err := c.mount(fault.Ptr("mounts", i), &c.spec.Mounts[i], c.in.Links[i]); err != nil {
			return err
		}
	}
	if c.in.NotifyDir == "" {
		return nil
	}
	return c.mount("", &specs.Mount{
		Destination: notify.Directory, Source: c.in.NotifyDir, Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
	}, "")
}

func (c *compiler) mount(pointer string, m *specs.Mount, linkTarget string) error {
	bind := m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	options, err := mountopt.Parse(m.Options, bind)
	if err != nil {
		return fault.At(pointer+"/options", err)
	}
	// A relative destination MUST be read as relative to "/" (config.md, "Mounts").
	destination := filepath.Clean("/" + m.Destination)
	switch {
	case m.Type == "cgroup" && !bind:
		if len(c.in.Cgroups) == 0 {
			return &fault.Error{Pointer: pointer, Op: "mount cgroup", Path: m.Destination, Err: fault.Text("this host has no cgroup hierarchy")}
		}
		if c.in.ForeignCgroups { // CVE-2023-25809
			options.Attr.Set |= unix.MOUNT_ATTR_RDONLY
			options.Attr.Clear &^= unix.MOUNT_ATTR_RDONLY
			options.RecAttr.Clear &^= unix.MOUNT_ATTR_RDONLY
		}
		c.add(pointer, &step.CgroupMount{Destination: destination, Options: options, Namespaced: c.ns.has(unix.CLONE_NEWCGROUP), Hierarchies: c.in.Cgroups})
		return nil
	case bind && m.Source == "":
		return &fault.Error{Pointer: pointer + "/source", Op: "bind", Err: fault.Text("the source is missing")}
	case !bind && m.Type == "" && !options.Remount:
		return &fault.Error{Pointer: pointer + "/type", Op: "mount", Path: m.Destination, Err: fault.Text("the type is missing"), Hint: `give one, or the option "bind"`}
	}
	source := m.Source
	if bind {
		options.Bind = true
		for _, word := range options.Data {
			c.plan.Warnings = append(c.plan.Warnings, "config.json "+pointer+"/options: "+word+" means nothing for a bind mount, ignored")
		}
		options.Data = nil
		if !filepath.IsAbs(source) {
			source = filepath.Join(c.in.Bundle, source)
		}
	}
	s := &step.Mount{Destination: destination, Type: m.Type, Source: source, Options: options}
	if options.CopySymlink {
		s.LinkTarget = linkTarget
	}
	if !bind && !options.Remount {
		c.mountLabel(s)
	}
	if err := c.idmap(pointer, m, s); err != nil {
		return err
	}
	c.add(pointer, s)
	return nil
}

// mountLabel gives the files of a new file system the container's label (config-linux.md, "Mount Label"): by an option,
// which the file systems that show the kernel's own objects do not take. A message queue file system takes a label on its
// root alone. An option of the mount itself wins.
func (c *compiler) mountLabel(s *step.Mount) {
	label := c.linux().MountLabel
	own := func(option string) bool { return strings.HasPrefix(option, "context=") }
	switch {
	case label == "" || slices.ContainsFunc(s.Options.Data, own):
	case s.Type == "proc", s.Type == "sysfs", s.Type == "cgroup2":
	case s.Type == "mqueue":
		s.RootLabel = label
	default:
		s.Options.Data = append(slices.Clip(s.Options.Data), "context="+label)
	}
}

// bindsDev says whether the caller brings a /dev of its own, which is then left as it is.
func (c *compiler) bindsDev() bool {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if filepath.Clean("/"+m.Destination) == "/dev" {
			return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
		}
	}
	return false
}
