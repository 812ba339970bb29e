package rootfs

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// checkProc refuses a mount inside the container's /proc, where it could fake what the container's own programs and the
// kernel's interfaces say (CVE-2019-16884). Validation has read the text of the destination; this looks at where it leads.
// A procfs elsewhere, such as the host's under /host/proc, is the user's own affair.
func (r *Root) checkProc(t *target) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(t.fd, &fs); err != nil {
		return called("fstatfs", err)
	}
	if fs.Type != unix.PROC_SUPER_MAGIC || isMountRoot(&t.st) {
		return nil
	}
	procFd, err := r.paths().Open("/proc")
	if err != nil {
		return called("open /proc", err)
	}
	defer unix.Close(procFd)
	proc, err := stat(procFd)
	if err != nil {
		return called("statx /proc", err)
	}
	if proc.Mnt_id != t.st.Mnt_id || r.isAllowedInProc(t) {
		return nil
	}
	return errInsideProc
}

// isAllowedInProc lets lxcfs and its kind replace files that carry no authority. The destination must be such a file by its
// name and not through a symbolic link.
func (r *Root) isAllowedInProc(t *target) bool {
	name, below := strings.CutPrefix(path.Clean("/"+t.path), "/proc/")
	if !below {
		return false
	}
	switch name {
	case "cpuinfo", "diskstats", "loadavg", "meminfo", "slabinfo", "stat", "swaps", "uptime",
		"sys/crypto/fips_enabled", "sys/kernel/ns_last_pid":
		fd, err := r.paths().OpenPlain(t.path)
		if err == nil {
			unix.Close(fd)
		}
		return err == nil
	}
	return false
}
