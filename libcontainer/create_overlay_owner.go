package libcontainer

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/state"
)

// ownOverlay writes the owner file. A lock on the directory keeps two creates apart; a file of a container that is gone is
// taken over.
func ownOverlay(dir, owner string) error {
	dirFd, err := openOverlayDir(dir)
	if err != nil {
		return &fault.Error{Op: "open directory of the overlay", Path: dir, Err: err}
	}
	defer unix.Close(dirFd)
	if err := lockOverlay(dirFd); err != nil {
		return &fault.Error{Op: "lock directory of the overlay", Path: dir, Err: err, Hint: "another process has locked it"}
	}
	path := filepath.Join(dir, "owner")
	switch text, err := readOwner(dirFd); {
	case err == unix.ENOENT:
		if err := onlyOurs(dirFd, dir); err != nil {
			return err
		}
	case err != nil:
		return &fault.Error{Op: "read", Path: path, Err: errnoOf(err)}
	case text != owner && text != "": // empty: a create was killed before it had written it
		root, id, _ := strings.Cut(strings.TrimSuffix(text, "\n"), "\n")
		if !filepath.IsAbs(root) || id == "" {
			return &fault.Error{Op: "overlay", Path: path, Err: unix.EEXIST, Hint: "it says nothing about a container; give this one a directory of its own"}
		}
		if usesOverlay(root, id, dir) {
			return &fault.Error{Op: "overlay", Path: dir, Err: unix.EBUSY, Hint: "container " + id + " below " + root + " writes to it; give this one a directory of its own"}
		}
	}
	if err := writeOwner(dirFd, owner); err != nil {
		return &fault.Error{Op: "write", Path: path, Err: errnoOf(err)}
	}
	return nil
}

// onlyOurs refuses a "work" that no container has left behind, because delete removes it with all that is in it.
func onlyOurs(dirFd int, dir string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dirFd, "work", &st, unix.AT_SYMLINK_NOFOLLOW); err == unix.ENOENT {
		return nil
	}
	return &fault.Error{
		Op: "overlay", Path: filepath.Join(dir, "work"), Err: unix.EEXIST,
		Hint: "it is of no container, and would be removed with this one; remove it, or give the container a directory of its own",
	}
}

func openOverlayDir(dir string) (int, error) {
	return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

func readOwner(dirFd int) (string, error) {
	f, err := openOwner(dirFd, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 2*unix.PathMax))
	return string(text), err
}

func writeOwner(dirFd int, owner string) error {
	f, err := openOwner(dirFd, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteString(owner)
	return errors.Join(err, f.Close())
}

// openOwner follows no symbolic link, and waits for nobody at the other end of a FIFO.
func openOwner(dirFd, flags int) (*os.File, error) {
	fd, err := unix.Openat(dirFd, "owner", flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "owner"), nil
}

// overlayLockSeconds bounds the wait: another create holds the lock while it writes a file, anybody else as long as he likes.
const overlayLockSeconds = 10

func lockOverlay(dirFd int) error {
	for deadline := time.Now().Add(overlayLockSeconds * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(dirFd, unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err != unix.EWOULDBLOCK && err != unix.EINTR:
			return err
		case time.Now().After(deadline):
			return fault.ErrTimeout
		}
	}
}

// usesOverlay asks the record of a container, wherever it is.
func usesOverlay(root, id, dir string) bool {
	d, err := state.OpenDir(root, id)
	if err != nil {
		return false
	}
	defer d.Close()
	record, err := d.Load()
	return err == nil && record.Overlay != nil && record.Overlay.Dir == dir
}
