package cgroups

import (
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// mountRoot is where every distribution mounts its cgroup hierarchies.
const mountRoot = "/sys/fs/cgroup"

// Host knows where the cgroup hierarchies are mounted.
type Host struct {
	unified string // "" if there is none
	v1      []v1Mount
}

// v1Mount is one hierarchy of cgroup v1.
type v1Mount struct {
	point       string
	controllers []string // "memory", or "name=systemd" for a hierarchy without controllers
}

// Detect finds the hierarchies. On a pure cgroup v2 host that takes one system call.
func Detect() (*Host, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(mountRoot, &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return &Host{unified: mountRoot}, nil
	}
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, &fault.Error{Op: "find cgroups", Err: err}
	}
	defer file.Close()
	return parseMounts(file)
}

// parseMounts finds the hierarchies in the text of a mountinfo file.
func parseMounts(r io.Reader) (*Host, error) {
	mounts, err := mountinfo.GetMountsFromReader(r, mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, &fault.Error{Op: "find cgroups", Path: "/proc/self/mountinfo", Err: err}
	}
	// Other containers' cgroup mounts may be visible too; the host's own come first, and under mountRoot.
	slices.SortStableFunc(mounts, func(a, b *mountinfo.Info) int { return rank(a) - rank(b) })
	h := &Host{}
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			if h.unified == "" {
				h.unified = m.Mountpoint
			}
			continue
		}
		controllers := controllersOf(m.VFSOptions)
		if len(controllers) > 0 && !h.hasV1(controllers[0]) {
			h.v1 = append(h.v1, v1Mount{point: m.Mountpoint, controllers: controllers})
		}
	}
	if h.unified == "" && len(h.v1) == 0 {
		return nil, &fault.Error{
			Op: "find cgroups", Path: mountRoot, Err: fault.Text("no cgroup file system is mounted"),
			Hint: "mount -t cgroup2 none " + mountRoot,
		}
	}
	return h, nil
}

func rank(m *mountinfo.Info) int {
	if path.Dir(m.Mountpoint) == mountRoot {
		return 0
	}
	return 1
}

// controllersOf picks the controllers out of the superblock options of a v1 mount, "rw,cpu,cpuacct" or
// "rw,xattr,release_agent=/lib/agent,name=systemd". The other options are those of cgroup1_show_options in the kernel.
func controllersOf(options string) []string {
	var controllers []string
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "rw", "ro", "none", "noprefix", "xattr", "clone_children", "cpuset_v2_mode", "favordynmods", "seclabel":
			continue
		}
		if !strings.Contains(option, "=") || strings.HasPrefix(option, "name=") {
			controllers = append(controllers, option)
		}
	}
	return controllers
}

// hasV1 reports whether a v1 hierarchy with this controller is mounted.
func (h *Host) hasV1(controller string) bool {
	return slices.ContainsFunc(h.v1, func(m v1Mount) bool { return slices.Contains(m.controllers, controller) })
}

// Unified returns the mount point of the unified hierarchy (cgroup v2), or "" if there is none.
func (h *Host) Unified() string { return h.unified }

// V1 returns the mount points of the cgroup v1 hierarchies by controller; the key of one without controllers is its
// name, "name=systemd". It is empty on a pure cgroup v2 host.
func (h *Host) V1() map[string]string {
	mounts := make(map[string]string, len(h.v1))
	for _, m := range h.v1 {
		for _, controller := range m.controllers {
			mounts[controller] = m.point
		}
	}
	return mounts
}
