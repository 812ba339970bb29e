package userns

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Mapping is one line of a uid_map or gid_map.
type Mapping struct{ Container, Host, Size uint32 }

// Runner runs a helper program; its error says what the program wrote.
type Runner func(path string, args []string) error

// WriteMaps gives the user namespace of a process its mappings, in the order of the lists.
//
// Root of the runtime's own user namespace writes them itself. Anybody else may map nothing but themselves; all other ids are
// for newuidmap and newgidmap, which have privileges and look into /etc/subuid and /etc/subgid. Who maps their own group
// without them must give up setgroups(2) in the namespace for good (user_namespaces(7)).
func WriteMaps(pid int, uids, gids []Mapping, run Runner) error {
	privileged := unix.Geteuid() == 0
	if privileged || isOwn(uids, unix.Geteuid()) {
		if err := writeMap(pid, "uid_map", uids); err != nil {
			return err
		}
	} else if err := runHelper(uidHelper, pid, uids, run); err != nil {
		return err
	}
	if !privileged && !isOwn(gids, unix.Getegid()) {
		return runHelper(gidHelper, pid, gids, run)
	}
	if !privileged {
		if err := write(pid, "setgroups", "deny"); err != nil {
			return err
		}
	}
	return writeMap(pid, "gid_map", gids)
}

// isOwn says whether a list maps the caller alone.
func isOwn(list []Mapping, id int) bool {
	return len(list) == 1 && list[0].Size == 1 && int64(list[0].Host) == int64(id)
}

func writeMap(pid int, file string, list []Mapping) error {
	err := write(pid, file, format(list))
	if e, ok := err.(*fault.Error); ok {
		switch e.Err {
		case unix.EPERM:
			e.Hint = "every host id must be mapped in the runtime's own user namespace, and it needs CAP_SETUID and CAP_SETGID there"
			if hint := Forbidden(); hint != "" {
				e.Hint = hint
			}
		case unix.EINVAL:
			e.Hint = "ranges may not overlap, and there may be 340 lines and a page of text"
		}
	}
	return err
}

// format writes a list as the kernel reads it.
func format(list []Mapping) string {
	var b strings.Builder
	for _, m := range list {
		for i, n := range [...]uint32{m.Container, m.Host, m.Size} {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.FormatUint(uint64(n), 10))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// write writes a file of a process in one piece, as the kernel wants a map.
func write(pid int, file, text string) error {
	path := "/proc/" + strconv.Itoa(pid) + "/" + file
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		var n int
		if n, err = unix.Write(fd, []byte(text)); err == nil && n != len(text) {
			err = unix.EIO
		}
	}
	if err != nil {
		return &fault.Error{Op: "write", Path: path, Err: err}
	}
	return nil
}

// CheckMaps compares a list with what a process has in its uid_map or gid_map (G7).
func CheckMaps(pid int, file string, want []Mapping) error {
	path := "/proc/" + strconv.Itoa(pid) + "/" + file
	text, err := read(path)
	if err != nil {
		return &fault.Error{Op: "read", Path: path, Err: err}
	}
	got := parse(text)
	if slices.Equal(got, want) {
		return nil
	}
	return &fault.Error{
		Err:  fault.Text("the user namespace that is joined has other mappings: " + summary(got)),
		Hint: "leave the mappings out, or give those",
	}
}

// parse reads what the kernel prints of a map.
func parse(text string) []Mapping {
	var list []Mapping
	for line := range strings.Lines(text) {
		var n [3]uint32
		fields := strings.Fields(line)
		if len(fields) != len(n) {
			continue
		}
		for i := range n {
			v, err := strconv.ParseUint(fields[i], 10, 32)
			if err != nil {
				return nil
			}
			n[i] = uint32(v)
		}
		list = append(list, Mapping{n[0], n[1], n[2]})
	}
	return list
}

// summary is a map on one line.
func summary(list []Mapping) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.ReplaceAll(strings.TrimSuffix(format(list), "\n"), "\n", ", ")
}

// WriteTimeOffsets sets the clocks of the time namespace that the children of a process will be in.
func WriteTimeOffsets(pid int, offsets string) error {
	err := write(pid, "timens_offsets", offsets)
	if e, ok := err.(*fault.Error); ok {
		switch e.Err {
		case unix.ERANGE:
			e.Hint = "no clock may be before 0 or after 146 years"
		case unix.EPERM:
			e.Hint = "it needs CAP_SYS_TIME in the user namespace that owns the time namespace"
		}
	}
	return err
}

func read(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	content := make([]byte, 0, 4096)
	for {
		if len(content) == cap(content) {
			content = slices.Grow(content, cap(content))
		}
		n, err := unix.Read(fd, content[len(content):cap(content)])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 || len(content) > maxFile {
			return string(content), err
		}
		content = content[:len(content)+n]
	}
}

// maxFile bounds what is read of a file that somebody writes by hand.
const maxFile = 4 << 20
