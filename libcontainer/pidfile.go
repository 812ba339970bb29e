package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// writePidFile writes the bare number, without a newline: callers parse the whole content. A file appears under its name
// complete or not at all. What is there and no file is written to: root would replace /dev/null, or the link /dev/stdout.
func writePidFile(path string, pid int) error {
	text := strconv.Itoa(pid)
	var err error
	if isNoFile(path) {
		err = writeInto(path, text)
	} else {
		err = replaceFile(path, text)
	}
	if err != nil {
		return &fault.Error{Op: "pid file", Path: path, Err: errnoOf(err)}
	}
	return nil
}

// removePidFile removes what writePidFile has made.
func removePidFile(path string) {
	if path != "" && !isNoFile(path) {
		os.Remove(path)
	}
}

// isNoFile says whether there is something else than a file: also behind a link, which else is replaced like a file and not
// followed, because whoever made it would choose what root overwrites. Links to our own descriptors, such as /dev/stdout, stay.
func isNoFile(path string) bool {
	if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "/proc/self/fd/") {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}

// writeInto does not wait for somebody to read a FIFO.
func writeInto(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_TRUNC|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	return errors.Join(err, unix.Close(fd))
}

func replaceFile(path, text string) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+strconv.Itoa(os.Getpid()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}
