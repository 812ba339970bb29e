package userns

import (
	"strings"
	"sync"
)

// inside is the answer of Inside, which does not change: nothing of ours moves to another user namespace.
var inside struct {
	once   sync.Once
	answer bool
}

// Inside says whether this process is in a user namespace other than the initial one. Without /proc the answer is no; no verb
// gets far without it.
func Inside() bool {
	inside.once.Do(func() {
		text, err := read("/proc/self/uid_map")
		inside.answer = err == nil && !isInitial(text)
	})
	return inside.answer
}

// isInitial compares a map with that of the initial namespace (user_namespaces(7)).
func isInitial(uidMap string) bool {
	return strings.Join(strings.Fields(uidMap), " ") == "0 0 4294967295"
}
