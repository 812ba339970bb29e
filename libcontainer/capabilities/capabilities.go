// Package capabilities owns the names of the capabilities, their numbers, and the five sets of a thread.
//
// Sets are copied from the configuration, never derived from one another: CVE-2016-8867, CVE-2022-29162 and CVE-2022-27650
// were inheritable or ambient sets that a runtime had filled in by itself. The package may not decide when the sets change
// (package initproc does), print, or import os or fmt: init links it. Everything acts on the calling thread, which must be
// locked.
package capabilities

import "strings"

// names holds the name of capability N at index N (include/uapi/linux/capability.h).
var names = [...]string{
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",            // Linux 5.8
	"CAP_BPF",                // Linux 5.8
	"CAP_CHECKPOINT_RESTORE", // Linux 5.9
}

// Names returns the names of all capabilities known here, in the order of their numbers. Callers may change the result.
func Names() []string { return append([]string(nil), names[:]...) }

// Parse returns the number of a capability. Names are upper case with the prefix CAP_, as config.md demands.
func Parse(name string) (bit uint, ok bool) {
	for i := range names {
		if names[i] == name {
			return uint(i), true
		}
	}
	return 0, false
}

// MaskFromNames returns a mask with one bit for each capability, and the names that mean nothing here. The specification
// wants a warning for those, not an error (config.md, "capabilities").
func MaskFromNames(list []string) (mask uint64, unknown []string) {
	for _, name := range list {
		bit, ok := Parse(name)
		if !ok {
			unknown = append(unknown, name)
			continue
		}
		mask |= 1 << bit
	}
	return mask, unknown
}

// List writes a mask as words, for messages: "CAP_CHOWN, CAP_KILL".
func List(mask uint64) string {
	var b strings.Builder
	for i := range names {
		if mask&(1<<i) == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(names[i])
	}
	return b.String()
}
