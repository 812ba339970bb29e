package hostcheck

import (
	"io"
	"maps"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
)

// Gather asks the kernel. hierarchies are the mount points of cgroup v1 by controller and, under "", of cgroup v2.
func Gather(hierarchies map[string]string) *Facts {
	f := &Facts{
		Lacks:         lacks(),
		Privileged:    privileged(),
		Filesystems:   lastFields("/proc/filesystems"),
		Namespaces:    names("/proc/self/ns"),
		Controllers:   map[string]bool{},
		HugePageSizes: hugePageSizes(),
		Hierarchies:   len(hierarchies) > 0,
		Host:          host{},
	}
	for controller, point := range hierarchies {
		if controller != "" {
			f.Controllers[controller] = true
			continue
		}
		f.Unified = words(point + "/cgroup.controllers")
		maps.Copy(f.Controllers, f.Unified)
	}
	if actions := words("/proc/sys/kernel/seccomp/actions_avail"); len(actions) > 0 {
		f.Seccomp = actions
	}
	enabled, _ := read("/sys/module/apparmor/parameters/enabled") // absent means no
	f.Apparmor = strings.HasPrefix(enabled, "Y")
	var fs unix.Statfs_t
	f.Selinux = unix.Statfs("/sys/fs/selinux", &fs) == nil && fs.Type == unix.SELINUX_MAGIC
	return f
}

// lacks tries the system calls that there is no way around (README, "It needs Linux 5.12"), with arguments that can only
// fail; a kernel that has them does not say ENOSYS.
func lacks() []string {
	var missing []string
	_, err := unix.Openat2(-1, "x", &unix.OpenHow{Resolve: unix.RESOLVE_IN_ROOT})
	if err == unix.ENOSYS {
		missing = append(missing, "openat2 (Linux 5.6)")
	}
	if _, err := unix.OpenTree(-1, "x", 0); err == unix.ENOSYS {
		missing = append(missing, "open_tree and fsopen (Linux 5.2)")
	}
	if unix.MountSetattr(-1, "x", 0, &unix.MountAttr{}) == unix.ENOSYS {
		missing = append(missing, "mount_setattr (Linux 5.12)")
	}
	if unix.CloseRange(1<<20, 1<<20, unix.CLOSE_RANGE_CLOEXEC) == unix.ENOSYS {
		missing = append(missing, "close_range (Linux 5.9)")
	}
	return missing
}

func privileged() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

func hugePageSizes() map[string]bool {
	sizes := map[string]bool{}
	for name := range names("/sys/kernel/mm/hugepages") { // hugepages-2048kB
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(name, "hugepages-"), "kB"), 10, 64)
		if err != nil {
			continue
		}
		unit := "KB"
		for _, larger := range []string{"MB", "GB"} {
			if kib >= 1024 {
				kib, unit = kib/1024, larger
			}
		}
		sizes[strconv.FormatUint(kib, 10)+unit] = true
	}
	return sizes
}

func names(directory string) map[string]bool {
	set := map[string]bool{}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return set // what cannot be seen is not there
	}
	for _, e := range entries {
		set[e.Name()] = true
	}
	return set
}

func words(file string) map[string]bool {
	set := map[string]bool{}
	text, _ := read(file) // as names
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// lastFields reads lines like "nodev<tab>proc" and "<tab>ext4".
func lastFields(file string) map[string]bool {
	set := map[string]bool{}
	text, _ := read(file) // as names
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			set[fields[len(fields)-1]] = true
		}
	}
	return set
}

func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(text), err
}

// host is the machine this runs on.
type host struct{}

func (host) Stat(path string) (uint32, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st.Mode, err
}

func (host) Executable(path string) error { return unix.Access(path, unix.X_OK) }

func (host) StatIn(root, path string) (uint32, error) {
	rootFd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(rootFd)
	fd, err := safepath.Root{Fd: rootFd}.Open(path)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	return st.Mode, err
}

func (host) NamespaceType(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil {
		return "", fault.Text("is not a namespace file, such as /proc/PID/ns/net")
	}
	return namespaceName(kind), nil
}

// namespaceName is the specification's word for what NS_GET_NSTYPE answers (ioctl_nsfs(2)).
func namespaceName(kind int) string {
	switch kind {
	case unix.CLONE_NEWPID:
		return "pid"
	case unix.CLONE_NEWNET:
		return "network"
	case unix.CLONE_NEWNS:
		return "mount"
	case unix.CLONE_NEWIPC:
		return "ipc"
	case unix.CLONE_NEWUTS:
		return "uts"
	case unix.CLONE_NEWUSER:
		return "user"
	case unix.CLONE_NEWCGROUP:
		return "cgroup"
	case unix.CLONE_NEWTIME:
		return "time"
	}
	return strconv.Itoa(kind)
}
