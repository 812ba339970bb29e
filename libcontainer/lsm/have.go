package lsm

import "golang.org/x/sys/unix"

// HaveAppArmor says whether the kernel enforces AppArmor profiles.
func HaveAppArmor() bool {
	fd, err := unix.Open("/sys/module/apparmor/parameters/enabled", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var answer [1]byte
	n, err := unix.Read(fd, answer[:])
	return err == nil && n == 1 && answer[0] == 'Y'
}

// HaveAppArmorDirectory says whether AppArmor has files of its own below /proc/PID/attr (Linux 5.8).
func HaveAppArmorDirectory() bool {
	return unix.Access("/proc/thread-self/attr/apparmor", unix.F_OK) == nil
}

// HaveSELinux says whether SELinux is on: its file system is where every distribution mounts it.
func HaveSELinux() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/selinux", &fs) == nil && fs.Type == unix.SELINUX_MAGIC
}
