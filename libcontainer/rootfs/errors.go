package rootfs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

var (
	errMoved      = errors.New("the path does not lead to the new mount; something replaced a part of it meanwhile")
	errInsideProc = errors.New("is inside /proc")
	errIsRoot     = errors.New("is the root of the container")
	errNotNull    = errors.New("is not the null device")
)

// callError is an errno with the call it came from and what the kernel had to say beyond it.
type callError struct {
	call   string // "fsconfig mode=abc", "move_mount"
	errno  error
	detail string // of the file system context's log; may be empty
}

func (e *callError) Error() string {
	text := e.call + ": " + e.errno.Error()
	if e.detail != "" {
		text += " (" + e.detail + ")"
	}
	return text
}

func (e *callError) Unwrap() error { return e.errno }

// called names the call that failed.
func called(call string, err error) error {
	if err == nil {
		return nil
	}
	return &callError{call: call, errno: err}
}

// mountError is the error of a whole mount: what goes where, and why not (F42).
func mountError(op, destination string, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &fault.Error{Op: op + " on", Path: destination, Err: err, Hint: hint}
}

// attrError is the error of setting attributes. EPERM means locked flags: a mount that came into this user namespace from
// another one keeps the flags that protect it (mount_namespaces(7)).
func attrError(a step.Attr, err error) error {
	if err == nil {
		return nil
	}
	if err == unix.EPERM && a.Clear != 0 {
		return &callError{call: "mount_setattr " + attrWords(a), errno: err, detail: "flags of a mount from another user namespace are locked"}
	}
	return called("mount_setattr "+attrWords(a), err)
}

// attrWords lists attributes as mount options.
func attrWords(a step.Attr) string {
	var words []string
	for _, w := range [...]struct {
		bit     uint64
		on, off string
	}{
		{unix.MOUNT_ATTR_RDONLY, "ro", "rw"},
		{unix.MOUNT_ATTR_NOSUID, "nosuid", "suid"},
		{unix.MOUNT_ATTR_NODEV, "nodev", "dev"},
		{unix.MOUNT_ATTR_NOEXEC, "noexec", "exec"},
		{unix.MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"},
	} {
		switch {
		case a.Set&w.bit != 0:
			words = append(words, w.on)
		case a.Clear&w.bit != 0:
			words = append(words, w.off)
		}
	}
	if a.Clear&unix.MOUNT_ATTR__ATIME != 0 {
		switch a.Set & unix.MOUNT_ATTR__ATIME {
		case unix.MOUNT_ATTR_NOATIME:
			words = append(words, "noatime")
		case unix.MOUNT_ATTR_STRICTATIME:
			words = append(words, "strictatime")
		default:
			words = append(words, "relatime")
		}
	}
	return strings.Join(words, ",")
}
