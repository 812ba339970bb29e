package process

import (
	"strings"

	"github.com/tare-run/tare/internal/passwd"
)

// MergeEnv removes duplicates: of entries with one name the last wins, at the place of the first. getenv(3) returns the
// first one, other readers the last; with one entry left they agree.
func MergeEnv(env []string) []string {
	merged := make([]string, 0, len(env)+1) // one more: HOME
	place := make(map[string]int, len(env))
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if i, seen := place[name]; seen {
			merged[i] = entry
			continue
		}
		place[name] = len(merged)
		merged = append(merged, entry)
	}
	return merged
}

// Home returns env with HOME in it. A HOME that is there and not empty stays; else it is the home directory that the
// container's /etc/passwd has for this uid, else "/".
//
// Precondition: "/" is the root of the container.
func Home(env []string, uid uint32) []string {
	for i, entry := range env {
		switch {
		case entry == "HOME=":
			env = append([]string(nil), env...)
			env[i] = "HOME=" + homeOf(uid)
			return env
		case strings.HasPrefix(entry, "HOME="):
			return env
		}
	}
	return append(env[:len(env):len(env)], "HOME="+homeOf(uid))
}

// homeOf believes nothing else of the file, names least of all.
func homeOf(uid uint32) string {
	if home := passwd.Home(uid); home != "" {
		return home
	}
	return "/"
}
