package process

import "golang.org/x/sys/unix"

// The execution domains that the specification names (include/uapi/linux/personality.h).
const (
	perLinux   = 0x0000
	perLinux32 = 0x0008
)

// PersonalityDomain returns the number of an execution domain.
func PersonalityDomain(name string) (uint32, bool) {
	switch name {
	case "LINUX":
		return perLinux, true
	case "LINUX32":
		return perLinux32, true
	}
	return 0, false
}

// SetPersonality sets the execution domain of this thread (personality(2)); execve keeps it.
func SetPersonality(domain uint32) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, uintptr(domain), 0, 0); errno != 0 {
		return errno
	}
	return nil
}
