package userns

import (
	"strings"

	"golang.org/x/sys/unix"
)

// settings are what administrators forbid user namespaces with, and the value that does it.
var settings = [...]struct{ name, forbids, allows string }{
	{"user/max_user_namespaces", "0", "set it to 10000"},
	{"kernel/unprivileged_userns_clone", "0", "set it to 1"}, // Debian's kernels up to 10, and others
	{"kernel/apparmor_restrict_unprivileged_userns", "1", "set it to 0, or give tare an AppArmor profile that allows userns"},
}

// Forbidden names the setting of the host that forbids user namespaces to whoever runs this, and what to set; "" for none.
func Forbidden() string {
	for i, s := range settings {
		if i > 0 && unix.Geteuid() == 0 {
			break // for the unprivileged only
		}
		value, err := read("/proc/sys/" + s.name)
		if err == nil && strings.TrimSpace(value) == s.forbids {
			return "sysctl " + strings.ReplaceAll(s.name, "/", ".") + " is " + s.forbids + ", which forbids user namespaces; " + s.allows
		}
	}
	return ""
}
