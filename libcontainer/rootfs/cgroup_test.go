package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// hostHierarchies lists the cgroup file systems of this machine with their mount points.
func hostHierarchies(t *testing.T) []step.CgroupHierarchy {
	t.Helper()
	var list []step.CgroupHierarchy
	for _, l := range allMounts(t) {
		h := step.CgroupHierarchy{Name: filepath.Base(l.path), HostPath: l.path, V2: l.fsType == "cgroup2"}
		switch l.fsType {
		case "cgroup":
			for word := range strings.SplitSeq(l.superOptions, ",") {
				if word != "rw" && word != "xattr" {
					h.Options = append(h.Options, word)
				}
			}
			fallthrough
		case "cgroup2":
			list = append(list, h)
		}
	}
	if len(list) == 0 {
		t.Skip("no cgroup file system is mounted here")
	}
	return list
}

func unified(list []step.CgroupHierarchy) (step.CgroupHierarchy, bool) {
	for _, h := range list {
		if h.V2 {
			h.Name = ""
			return h, true
		}
	}
	return step.CgroupHierarchy{}, false
}

var cgroupReadonly = step.MountOptions{
	Super: []string{"ro"}, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC},
}

// TestCgroupUnified covers F18: one cgroup2 file system at the destination, fresh with a cgroup namespace, else a bind.
func TestCgroupUnified(t *testing.T) {
	for _, tt := range []struct {
		name       string
		namespaced bool
		options    step.MountOptions
	}{
		{"own namespace, read-only", true, cgroupReadonly},
		{"own namespace, writable", true, step.MountOptions{}},
		{"bind, read-only", false, cgroupReadonly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				h, ok := unified(hostHierarchies(t))
				if !ok {
					t.Skip("no cgroup2 is mounted here")
				}
				if tt.namespaced {
					must(t, unix.Unshare(unix.CLONE_NEWCGROUP))
				}
				m := &step.CgroupMount{Destination: "/sys/fs/cgroup", Options: tt.options, Namespaced: tt.namespaced, Hierarchies: []step.CgroupHierarchy{h}}
				must(t, e.open(t).CgroupMount(m))
				if got := e.mountedOnce(t, "/sys/fs/cgroup"); got.fsType != "cgroup2" || has(got.superOptions, "ro") {
					t.Errorf("mounted %+v", got)
				}
				must(t, stating(e.in("sys/fs/cgroup/cgroup.procs")))
				checkCgroupReadonly(t, e.in("sys/fs/cgroup"), tt.options)
			})
		})
	}
}

// TestCgroupTree covers F19, and CVE-2023-25809: what is read-only by option is read-only in every hierarchy.
func TestCgroupTree(t *testing.T) {
	for _, tt := range []struct {
		name       string
		namespaced bool
		options    step.MountOptions
	}{
		{"own namespace", true, cgroupReadonly},
		{"binds", false, cgroupReadonly},
		{"binds, writable", false, step.MountOptions{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				list := hostHierarchies(t)
				if len(list) < 2 {
					t.Skip("this machine has a single hierarchy")
				}
				list[0].Links = []string{"alias"}
				if tt.namespaced {
					must(t, unix.Unshare(unix.CLONE_NEWCGROUP))
				}
				before := allMounts(t)
				must(t, e.open(t).CgroupMount(&step.CgroupMount{Destination: "/sys/fs/cgroup", Options: tt.options, Namespaced: tt.namespaced, Hierarchies: list}))
				e.inside(t, before)
				if got := e.mountedOnce(t, "/sys/fs/cgroup").fsType; got != "tmpfs" {
					t.Errorf("%s is mounted", got)
				}
				for _, h := range list {
					dir := filepath.Join("/sys/fs/cgroup", h.Name)
					e.mountedOnce(t, dir)
					must(t, stating(e.in(dir+"/cgroup.procs")))
					checkCgroupReadonly(t, e.in(dir), tt.options)
				}
				if tt.options.Attr.Set != 0 {
					if err := os.Mkdir(e.in("sys/fs/cgroup/x"), 0o755); !errors.Is(err, unix.EROFS) {
						t.Errorf("mkdir: %v", err)
					}
				}
				if target, _ := os.Readlink(e.in("sys/fs/cgroup/alias")); target != list[0].Name {
					t.Errorf("link to %q", target)
				}
			})
		})
	}
}

// checkCgroupReadonly opens a file for writing, and writes nothing.
func checkCgroupReadonly(t *testing.T, dir string, o step.MountOptions) {
	t.Helper()
	fd, err := unix.Open(filepath.Join(dir, "cgroup.procs"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	if readonly := o.Attr.Set&unix.MOUNT_ATTR_RDONLY != 0; readonly != errors.Is(err, unix.EROFS) {
		t.Errorf("%s: open for writing: %v", dir, err)
	}
}
