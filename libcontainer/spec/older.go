package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// translate gives what a configuration of an older version of the specification says the form of today's.
//
// Before 1.3.0 a pids.limit of 0 meant no limit to everybody, not least to Podman, which wrote it for --pids-limit=-1 and for
// whoever gave none; since then it is "no process more" (runtime-spec#1279).
func translate(s *specs.Spec) {
	if s.Linux == nil || s.Linux.Resources == nil || s.Linux.Resources.Pids == nil {
		return
	}
	if limit := s.Linux.Resources.Pids.Limit; limit != nil && *limit == 0 && olderThan(s.Version, 1, 3) {
		s.Linux.Resources.Pids = nil
	}
}

// olderThan compares major and minor number; what is no version is not older.
func olderThan(version string, major, minor int) bool {
	numbers := strings.SplitN(version, ".", 3)
	if len(numbers) != 3 {
		return false
	}
	x, errX := strconv.Atoi(numbers[0])
	y, errY := strconv.Atoi(numbers[1])
	return errX == nil && errY == nil && (x < major || x == major && y < minor)
}
