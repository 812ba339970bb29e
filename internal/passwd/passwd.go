// Package passwd reads what passwd(5) says about a number: the user's name or home directory.
//
// It never turns a name into a number: an entry with the name "1000" and uid 0 made "user 1000" root once (CVE-2016-3697).
// It asks no name service and no C library. Init links it, so it knows neither os nor fmt.
package passwd

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// path is the file, in whatever root the caller is.
const path = "/etc/passwd"

// maxSize bounds what is read of it: in a container the file is the image's.
const maxSize = 1 << 20

// The fields of a line that are of use here.
const (
	fieldName = 0
	fieldUID  = 2
	fieldHome = 5
)

// Home returns the home directory of a user, or "". One that is not an absolute path is none.
func Home(uid uint32) string { return find(read(path), uid, fieldHome, isHome) }

// Name returns the name of a user, or "".
func Name(uid uint32) string { return find(read(path), uid, fieldName, isName) }

func isHome(field []byte) bool {
	return len(field) > 0 && field[0] == '/' && !bytes.ContainsRune(field, 0)
}

// isName leaves out the entries that only told old C libraries where to look next ("+" and "-" of NIS).
func isName(field []byte) bool { return len(field) > 0 && field[0] != '+' && field[0] != '-' }

// read returns nil for anything but a readable regular file. Links are fine, the root is the container's; magic links are
// not, and O_NONBLOCK keeps a FIFO from blocking us.
func read(path string) []byte {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &how)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	buf := make([]byte, min(st.Size, maxSize))
	n := 0
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			break
		}
		n += m
	}
	return buf[:n]
}

// find returns one field of the first line whose uid is this and whose field is good.
func find(passwd []byte, uid uint32, field int, good func([]byte) bool) string {
	for line := range bytes.Lines(passwd) {
		fields := bytes.Split(bytes.TrimRight(line, "\n"), []byte(":"))
		if len(fields) <= fieldHome || !good(fields[field]) {
			continue
		}
		if n, err := strconv.ParseUint(string(fields[fieldUID]), 10, 32); err == nil && uint32(n) == uid {
			return string(fields[field])
		}
	}
	return ""
}
