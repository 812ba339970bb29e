package rootfs

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const mountinfoPath = "/proc/thread-self/mountinfo"

// mountEntry is what Move needs of a line of mountinfo (proc_pid_mountinfo(5)).
type mountEntry struct {
	id, parent uint64
	path       string
	fsType     string
	shared     bool
}

// readMounts reads the mounts of this namespace, each after the one it is on.
func readMounts() ([]mountEntry, error) {
	fd, err := unix.Open(mountinfoPath, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var text []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return parseMounts(string(text)), nil
		}
		text = append(text, buf[:n]...)
	}
}

// parseMounts reads lines such as
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue
//
// with the mount's id and its parent's first, the mount point fifth, and the type after the "-" that ends the optional fields.
func parseMounts(text string) []mountEntry {
	var mounts []mountEntry
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		end := slices.Index(fields, "-")
		if end < 6 || end+1 >= len(fields) {
			continue
		}
		id, err1 := strconv.ParseUint(fields[0], 10, 64)
		parent, err2 := strconv.ParseUint(fields[1], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		mounts = append(mounts, mountEntry{
			id: id, parent: parent, path: unescape(fields[4]), fsType: fields[end+1],
			shared: slices.ContainsFunc(fields[6:end], func(f string) bool { return strings.HasPrefix(f, "shared:") }),
		})
	}
	return mounts
}

// unescape undoes the octal escapes of space, tab, newline and backslash.
func unescape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
