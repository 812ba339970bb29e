package userns

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/passwd"
)

// helper is a program that writes a map for somebody who may not.
type helper struct {
	name  string
	table string // who may have which ids
}

var (
	uidHelper = helper{"newuidmap", "/etc/subuid"}
	gidHelper = helper{"newgidmap", "/etc/subgid"}
)

// runHelper has a helper write a map. Its error names the helper, the user, and what the table says of that user (G10).
func runHelper(h helper, pid int, list []Mapping, run Runner) error {
	path := h.find()
	if path == "" {
		return &fault.Error{Op: h.name, Err: fault.Text("is not installed"), Hint: "install it (package uidmap, or shadow-utils), or map nothing but your own id"}
	}
	args := []string{h.name, strconv.Itoa(pid)}
	for _, m := range list {
		for _, n := range [...]uint32{m.Container, m.Host, m.Size} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	err := run(path, args)
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		err = f.Err
	}
	return &fault.Error{Op: h.name, Path: path, Err: err, Hint: h.explain(path, list)}
}

// find looks the helper up in PATH, and then where distributions have it: an engine may have been started with a bare PATH.
func (h helper) find() string {
	for dir := range strings.SplitSeq(os.Getenv("PATH")+":/usr/bin:/bin:/usr/local/bin", ":") {
		path := dir + "/" + h.name
		if strings.HasPrefix(dir, "/") && unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) == nil {
			return path
		}
	}
	return ""
}

// explain says why the helper may have refused: it has no privileges, or the user no ids.
func (h helper) explain(path string, list []Mapping) string {
	if !isPrivileged(path) {
		return path + " is neither set-user-ID root nor has file capabilities, or its file system is mounted nosuid; as root: chmod u+s " + path
	}
	uid := uint32(unix.Geteuid())
	user := passwd.Name(uid)
	if user == "" {
		user = strconv.FormatUint(uint64(uid), 10)
	}
	text, _ := read(h.table)
	lines := linesOf(text, user, uid)
	if len(lines) == 0 {
		return h.table + " has no line for user " + user + "; add one such as " + user + ":100000:65536"
	}
	return h.table + " gives user " + user + " " + strings.Join(lines, " and ") + ", and asked for are " + asked(list)
}

// isPrivileged says whether a program gets privileges that its caller has not.
func isPrivileged(path string) bool {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOSUID != 0 {
		return false
	}
	if unix.Stat(path, &st) == nil && st.Mode&unix.S_ISUID != 0 && st.Uid == 0 {
		return true
	}
	n, err := unix.Getxattr(path, "security.capability", nil)
	return err == nil && n > 0
}

// linesOf returns what follows the user in the lines of subuid(5) that are for a user, by name or number.
func linesOf(text, user string, uid uint32) []string {
	var lines []string
	number := strconv.FormatUint(uint64(uid), 10)
	for line := range strings.Lines(text) {
		owner, ids, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && (owner == user || owner == number) {
			lines = append(lines, ids)
		}
	}
	return lines
}

func asked(list []Mapping) string {
	var all []string
	for _, m := range list {
		all = append(all, strconv.FormatUint(uint64(m.Host), 10)+":"+strconv.FormatUint(uint64(m.Size), 10))
	}
	return strings.Join(all, ", ")
}
