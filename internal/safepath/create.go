package safepath

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxLinks is how many symbolic links a path may lead through, as in the kernel (path_resolution(7)).
	maxLinks = 40
	// maxCreateTries bounds the repetition when somebody removes what has just been created.
	maxCreateTries = 8
)

// MkdirAll returns an O_PATH descriptor of the directory at a container path, and makes what is missing of it, with exactly
// this mode. A symbolic link that leads nowhere gets its target, inside the root.
func (r Root) MkdirAll(path string, mode uint32) (int, error) {
	return r.openOrCreate(path, unix.O_PATH|unix.O_DIRECTORY, func(w *walker, name string, _ bool) error {
		return unix.Mkdirat(w.cur(), name, mode)
	})
}

// CreateFile is MkdirAll for an empty file: the last component becomes one where it is missing, in directories of mode
// 0755. What exists is returned whatever its type.
func (r Root) CreateFile(path string, mode uint32) (int, error) {
	return r.openOrCreate(path, unix.O_PATH, func(w *walker, name string, last bool) error {
		if !last {
			return unix.Mkdirat(w.cur(), name, 0o755)
		}
		return createFile(w.cur(), name, mode)
	})
}

// createFile makes an empty file, and nothing through what has taken its name meanwhile. Not mknodat(2), which some FUSE file
// systems lack.
func createFile(dirFd int, name string, mode uint32) error {
	fd, err := unix.Openat(dirFd, name, unix.O_RDONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// Parent splits a container path into its directory, made where it is missing, and its last name, which may or may not
// exist and is for calls that do not follow a symbolic link there (mknodat, symlinkat, unlinkat).
func (r Root) Parent(containerPath string) (dirFd int, name string, err error) {
	containerPath = path.Clean("/" + containerPath)
	if containerPath == "/" {
		return -1, "", unix.EISDIR
	}
	dir, name := path.Split(containerPath)
	dirFd, err = r.MkdirAll(dir, 0o755)
	return dirFd, name, err
}

// openOrCreate opens path and, if it is not there, creates it and opens it again.
func (r Root) openOrCreate(path string, flags uint64, create createFunc) (fd int, err error) {
	for range maxCreateTries {
		fd, err = openat2(r.Fd, path, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
		if err != unix.ENOENT {
			return fd, err
		}
		if err = r.walk(path, create); err != nil {
			return -1, err
		}
	}
	return -1, unix.ENOENT
}

// createFunc makes name in the walker's current directory.
type createFunc func(w *walker, name string, last bool) error

// walker goes down a path one component at a time. ".." goes back to the directory it came from, never to the parent that
// the file system tells, which a rename may have put outside of the root.
type walker struct {
	root  int
	dirs  []int  // descriptors of the directories between the root and here
	rest  string // of the path
	links int
}

// walk creates what is missing of path, below directories that it holds open. Modes are exact, so the umask is cleared for
// as long as it takes.
func (r Root) walk(path string, create createFunc) error {
	defer unix.Umask(unix.Umask(0))
	w := walker{root: r.Fd, rest: path}
	defer w.reset()
	for w.rest != "" {
		name, rest, _ := strings.Cut(w.rest, "/")
		w.rest = rest
		switch name {
		case "", ".":
			continue
		case "..":
			w.up()
			continue
		}
		if err := w.down(name, create); err != nil {
			return err
		}
	}
	return nil
}

// down enters name, or follows it, or creates it.
func (w *walker) down(name string, create createFunc) error {
	last := strings.Trim(w.rest, "/") == ""
	for range maxCreateTries {
		fd, err := unix.Openat(w.cur(), name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch err {
		case nil:
			w.dirs = append(w.dirs, fd)
			return nil
		case unix.ENOTDIR:
			if again, err := w.follow(name, last); !again {
				return err
			}
		case unix.ENOENT:
			if err := create(w, name, last); err != unix.EEXIST && (err != nil || last) {
				return err
			}
		case unix.EINTR:
		default:
			return err
		}
	}
	return unix.EAGAIN
}

// follow puts the target of a symbolic link in front of what is left of the path. Other files are fine at the end of the
// path. If name has vanished, it is to be tried again.
func (w *walker) follow(name string, last bool) (again bool, err error) {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(w.cur(), name, buf[:])
	switch {
	case err == unix.ENOENT:
		return true, nil
	case err == unix.EINVAL && last: // not a symbolic link
		return false, nil
	case err == unix.EINVAL:
		return false, unix.ENOTDIR
	case err != nil:
		return false, err
	case n == len(buf):
		return false, unix.ENAMETOOLONG
	}
	if w.links++; w.links > maxLinks {
		return false, unix.ELOOP
	}
	target := string(buf[:n])
	if strings.HasPrefix(target, "/") {
		w.reset()
	}
	if w.rest != "" {
		target += "/" + w.rest
	}
	w.rest = target
	return false, nil
}

// cur is the directory the walker is in.
func (w *walker) cur() int {
	if len(w.dirs) == 0 {
		return w.root
	}
	return w.dirs[len(w.dirs)-1]
}

// up leaves the current directory; in the root it stays, as the kernel does.
func (w *walker) up() {
	if len(w.dirs) > 0 {
		unix.Close(w.cur())
		w.dirs = w.dirs[:len(w.dirs)-1]
	}
}

// reset goes back to the root.
func (w *walker) reset() {
	for len(w.dirs) > 0 {
		w.up()
	}
}
