package process

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxPasswd bounds what is read of /etc/passwd: the file is the image's.
const maxPasswd = 1 << 20

// homeOf looks a home directory up by number. Nothing else of the file is believed, names least of all: an entry with the
// name "1000" and uid 0 made "user 1000" root once (CVE-2016-3697).
func homeOf(uid uint32) string {
	if home := findHome(readPasswd("/etc/passwd"), uid); home != "" {
		return home
	}
	return "/"
}

// readPasswd returns nil for anything but a readable regular file. Links are fine, the root is the container's; magic links
// are not, and O_NONBLOCK keeps a FIFO from blocking us.
func readPasswd(path string) []byte {
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
	buf := make([]byte, min(st.Size, maxPasswd))
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

// findHome returns the sixth field of the first line whose third is this uid (passwd(5)), where it is an absolute path.
func findHome(passwd []byte, uid uint32) string {
	for line := range bytes.Lines(passwd) {
		fields := bytes.Split(bytes.TrimRight(line, "\n"), []byte(":"))
		if len(fields) < 6 || len(fields[5]) == 0 || fields[5][0] != '/' {
			continue
		}
		if n, err := strconv.ParseUint(string(fields[2]), 10, 32); err == nil && uint32(n) == uid && !bytes.ContainsRune(fields[5], 0) {
			return string(fields[5])
		}
	}
	return ""
}
