package userns

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/passwd"
)

// Missing says what the caller lacks for a user namespace with these mappings, nil for nothing: the kernel's leave, a helper,
// or ids in its table. It asks before, for `check`; WriteMaps finds out by doing.
func Missing(uids, gids []Mapping) (uidProblem, gidProblem error) {
	if hint := Forbidden(); hint != "" {
		return fault.Text(hint), nil
	}
	if unix.Geteuid() == 0 {
		return nil, nil
	}
	return uidHelper.missing(uids, unix.Geteuid()), gidHelper.missing(gids, unix.Getegid())
}

func (h helper) missing(list []Mapping, own int) error {
	if isOwn(list, own) {
		return nil
	}
	path := h.find()
	switch {
	case path == "":
		return &fault.Error{Op: h.name, Err: fault.Text("is not installed"), Hint: "install it (package uidmap, or shadow-utils)"}
	case !isPrivileged(path):
		return &fault.Error{Op: h.name, Path: path, Err: fault.Text("has no privileges"), Hint: h.explain(path, list)}
	}
	uid := uint32(unix.Geteuid())
	text, _ := read(h.table) // absent: no line for anybody
	lines := linesOf(text, passwd.Name(uid), uid)
	for _, m := range list {
		if (m.Size != 1 || int64(m.Host) != int64(own)) && !given(lines, m) {
			return &fault.Error{Op: h.name, Err: fault.Text("may not map these ids"), Hint: h.explain(path, list)}
		}
	}
	return nil
}

// given says whether a range lies in one of the lines of subuid(5), "FIRST:COUNT".
func given(lines []string, m Mapping) bool {
	for _, line := range lines {
		first, count, _ := strings.Cut(line, ":")
		from, errFrom := strconv.ParseUint(first, 10, 32)
		size, errSize := strconv.ParseUint(count, 10, 32)
		if errFrom == nil && errSize == nil && uint64(m.Host) >= from && uint64(m.Host)+uint64(m.Size) <= from+size {
			return true
		}
	}
	return false
}
