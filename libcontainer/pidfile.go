package libcontainer

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/tare-run/tare/internal/fault"
)

// writePidFile writes the bare number, without a newline: callers parse the whole content. It appears under its name
// complete or not at all.
func writePidFile(path string, pid int) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+strconv.Itoa(os.Getpid()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return &fault.Error{Op: "pid file", Path: path, Err: errnoOf(err)}
	}
	_, err = f.WriteString(strconv.Itoa(pid))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
		return &fault.Error{Op: "pid file", Path: path, Err: errnoOf(err)}
	}
	return nil
}
