package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Root is the runtime root, held by descriptor.
type Root struct {
	Path string
	fd   int
}

// OpenRoot opens the runtime root; with create it makes missing directories, mode 0700. A root that is a symbolic link,
// belongs to someone else, or can be written to by others is refused: who controls it controls what delete removes.
//
// A root that does not exist is ErrNotExist's business, not an error of its own: no container can be in it.
func OpenRoot(path string, create bool) (*Root, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &fault.Error{Op: "runtime root", Path: path, Err: err}
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0)
	if err == unix.ENOENT && create {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, &fault.Error{Op: "create runtime root", Path: path, Err: cause(err), Hint: otherRoot()}
		}
		fd, err = unix.Open(path, flags, 0)
		if err == nil {
			// What lies in $XDG_RUNTIME_DIR may be removed after six hours, unless it is sticky (XDG Base Directory
			// Specification). Rootless Podman is root there, of a user namespace. The bit means nothing else at mode 0700.
			_ = unix.Fchmod(fd, 0o1700)
		}
	}
	if err == unix.ENOENT {
		return nil, fault.ErrNotExist
	}
	if err != nil {
		return nil, &fault.Error{Op: "open runtime root", Path: path, Err: err, Hint: otherRoot()}
	}
	r := &Root{Path: path, fd: fd}
	if err := r.check(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// otherRoot is what to do about a root that cannot be used.
func otherRoot() string {
	if unix.Geteuid() != 0 {
		return "set XDG_RUNTIME_DIR to a directory of this user, or choose another root with --root"
	}
	return "choose another one with --root"
}

func (r *Root) check() error {
	var st unix.Stat_t
	if err := unix.Fstat(r.fd, &st); err != nil {
		return &fault.Error{Op: "stat runtime root", Path: r.Path, Err: err}
	}
	if int(st.Uid) != unix.Geteuid() {
		return &fault.Error{Op: "runtime root", Path: r.Path, Err: fault.Text("belongs to uid " + strconv.Itoa(int(st.Uid))), Hint: "choose another one with --root"}
	}
	if st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0 {
		return &fault.Error{Op: "runtime root", Path: r.Path, Err: fault.Text("can be written to by others"), Hint: "chmod it to 0700"}
	}
	return nil
}

// Close closes the descriptor.
func (r *Root) Close() { unix.Close(r.fd) }

// CacheDir is where the init image and compiled filters are kept. It may not exist.
func (r *Root) CacheDir() string { return filepath.Join(r.Path, ".cache") }

// IDs returns the ids of all containers, sorted. Names that cannot be ids are not ours and left out.
func (r *Root) IDs() ([]string, error) {
	fd, err := unix.Openat(r.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Error{Op: "open runtime root", Path: r.Path, Err: err}
	}
	f := os.NewFile(uintptr(fd), r.Path)
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, &fault.Error{Op: "read runtime root", Path: r.Path, Err: cause(err)}
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// cause takes the errno out of an os.PathError, whose path would be said twice.
func cause(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
