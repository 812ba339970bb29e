package launch

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/sealed"
)

// imageID names the embedded init by its content: the first half of its SHA-256, set by make with -ldflags -X, because
// hashing a megabyte at every create costs more than the rest of the set-up.
var imageID string

// Image is the executable that becomes init, sealed.
type Image struct {
	Fd  int    // to be executed with execveat(AT_EMPTY_PATH); the caller closes it
	Dev uint64 // device and inode of the file: a process whose /proc/PID/exe is this one has not executed its program yet
	Ino uint64
}

// OpenImage seals the embedded init, or where there is none this binary, which is an init too (init.go at the top level).
// dir is the cache directory below the runtime root.
func OpenImage(dir string) (Image, error) {
	fd, err := openImage(dir)
	if err != nil {
		return Image{Fd: -1}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return Image{Fd: -1}, &fault.Error{Op: "stat", Path: InitName, Err: err}
	}
	return Image{Fd: fd, Dev: st.Dev, Ino: st.Ino}, nil
}

func openImage(dir string) (int, error) {
	switch {
	case embedded == nil:
		return sealed.Self(InitName)
	case imageID == "":
		return -1, &fault.Error{Op: "seal", Path: InitName, Err: fault.Text("this build does not name its init"), Hint: "build with make"}
	}
	return sealed.Embedded(dir, "init-"+imageID, embedded)
}
