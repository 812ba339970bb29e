package userns

import "strings"

// Inside says whether this process is in a user namespace other than the initial one. Without /proc the answer is no; no verb
// gets far without it.
func Inside() bool {
	text, err := read("/proc/self/uid_map")
	return err == nil && !isInitial(text)
}

// isInitial compares a map with that of the initial namespace (user_namespaces(7)).
func isInitial(uidMap string) bool {
	return strings.Join(strings.Fields(uidMap), " ") == "0 0 4294967295"
}
