package libcontainer

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// openOverlayTrees opens what an overlay is made of for a root of a user namespace, who is another user on the host.
func (c *creation) openOverlayTrees(s *step.OverlayRoot) error {
	mapping := -1
	if s.Mapped {
		var err error
		if mapping, err = unix.Open("/proc/"+strconv.Itoa(c.init.Pid)+"/ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return &fault.Error{Op: "open user namespace", Err: err}
		}
		defer unix.Close(mapping)
	}
	paths := append([]string{s.Path}, s.Lower...)
	if s.Dir != "" {
		paths = append(paths, s.Dir)
	}
	for _, path := range paths {
		fd, err := c.openTree(path, false, false, true)
		if errors.Is(err, unix.EPERM) {
			s.Trees = nil // no CAP_SYS_ADMIN where the mounts belong to: init opens the paths
			return nil
		}
		if err != nil {
			return err
		}
		c.trees = append(c.trees, fd)
		s.Trees = append(s.Trees, len(c.trees))
		if mapping < 0 {
			continue
		}
		// Before the overlay is made, which cannot be idmapped itself: it takes the ids from its layers (Linux 5.19).
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(mapping)}
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
			e := &fault.Error{Op: "idmap layer", Path: path, Err: err}
			if err == unix.EINVAL {
				e.Hint = "its file system cannot be idmapped on this kernel"
			}
			return e
		}
	}
	return nil
}
