package state

import (
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// LockTimeout is how long a verb waits for another one on the same container. A create with slow hooks holds the lock long.
const LockTimeout = 60 * time.Second

// maxConfig bounds what is read back of a saved config.json; package spec has already refused larger ones.
const maxConfig = 64 << 20

// Dir is the directory of one container, held by descriptor, locked or not.
type Dir struct {
	ID       string
	root     *Root
	fd       int
	ownsRoot bool // Close closes the root too
}

// OpenDir opens the directory of a container below a root that nobody else needs.
func OpenDir(root, id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	r, err := OpenRoot(root, false)
	if err != nil {
		return nil, err
	}
	d, err := r.Open(id)
	if err != nil {
		r.Close()
		return nil, err
	}
	d.ownsRoot = true
	return d, nil
}

// Create makes the directory of a new container and locks it. An id that is taken is ErrExist.
func (r *Root) Create(id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	switch err := unix.Mkdirat(r.fd, id, 0o700); err {
	case nil:
	case unix.EEXIST:
		return nil, fault.ErrExist
	default:
		return nil, &fault.Error{Op: "mkdir", Path: filepath.Join(r.Path, id), Err: err}
	}
	d, err := r.Open(id)
	if err == nil {
		if err = d.Lock(); err != nil {
			d.Close()
		}
	}
	if err != nil {
		unix.Unlinkat(r.fd, id, unix.AT_REMOVEDIR) // it is empty
		return nil, err
	}
	return d, nil
}

// Open opens the directory of a container without locking it. None is ErrNotExist.
func (r *Root) Open(id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(r.fd, id, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	switch err {
	case nil:
		return &Dir{ID: id, root: r, fd: fd}, nil
	case unix.ENOENT:
		return nil, fault.ErrNotExist
	}
	return nil, &fault.Error{Op: "open", Path: filepath.Join(r.Path, id), Err: err}
}

// Lock takes the container's lock, waiting up to LockTimeout.
func (d *Dir) Lock() error { return d.lockWithin(LockTimeout) }

func (d *Dir) lockWithin(timeout time.Duration) error {
	if err := flock(d.fd, unix.LOCK_EX, timeout); err != nil {
		return &fault.Error{Op: "lock", Path: d.path(""), Err: err, Hint: "another command is working on this container"}
	}
	if d.Removed() { // S2
		return fault.ErrNotExist
	}
	return nil
}

// Removed says whether the directory has been removed since it was opened.
func (d *Dir) Removed() bool {
	var st unix.Stat_t
	return unix.Fstat(d.fd, &st) == nil && st.Nlink == 0
}

// Unlock lets other verbs at the container, while the directory stays open.
func (d *Dir) Unlock() { unix.Flock(d.fd, unix.LOCK_UN) }

// LockEntry takes the lock of those who put processes into the container (unix.LOCK_SH), or who stop all that are in it
// (unix.LOCK_EX): nobody can wait for a process that is frozen on its way into the container. It is apart from the lock of
// the verbs, which an exec does not take. Closing the descriptor gives it up.
func (d *Dir) LockEntry(how int) (fd int, err error) { return d.lockEntryWithin(how, LockTimeout) }

func (d *Dir) lockEntryWithin(how int, timeout time.Duration) (fd int, err error) {
	fd, err = unix.Openat(d.fd, "config.json", unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, d.unreadable("config.json", err)
	}
	if err := flock(fd, how, timeout); err != nil {
		unix.Close(fd)
		return -1, &fault.Error{Op: "lock", Path: d.path("config.json"), Err: err, Hint: "a pause or an exec of this container does not end"}
	}
	return fd, nil
}

// flock blocks in the kernel, on a goroutine that is left behind when the time is up: the process is about to exit then.
func flock(fd, how int, timeout time.Duration) error {
	if err := unix.Flock(fd, how|unix.LOCK_NB); err != unix.EWOULDBLOCK {
		return err
	}
	done := make(chan error, 1)
	go func() {
		for {
			if err := unix.Flock(fd, how); err != unix.EINTR {
				done <- err
				return
			}
		}
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(timeout):
		return fault.ErrTimeout
	}
}

// Close closes the descriptor, and with it the lock.
func (d *Dir) Close() {
	unix.Close(d.fd)
	if d.ownsRoot {
		d.root.Close()
	}
}

// Fd is the descriptor, for making and reaching the start gate by name; it stays d's.
func (d *Dir) Fd() int { return d.fd }

// SaveConfig keeps the configuration as it was given.
func (d *Dir) SaveConfig(config []byte) error { return d.write("config.json", config) }

// Config reads the saved configuration.
func (d *Dir) Config() ([]byte, error) { return d.read("config.json", maxConfig) }

// SaveResources keeps the limits and device rules that an update has made of those in config.json.
func (d *Dir) SaveResources(resources []byte) error { return d.write("resources.json", resources) }

// Resources reads what SaveResources has kept; ENOENT where there has been no update.
func (d *Dir) Resources() ([]byte, error) { return d.read("resources.json", maxConfig) }

// notifyDir and what is in it is what the container sees of the runtime root.
const (
	notifyDir    = "notify"
	notifySocket = notifyDir + "/notify.sock" // package notify makes it
)

// MakeNotify makes the directory for the socket of sd_notify(3), which every user may look into: the way to it is closed.
func (d *Dir) MakeNotify() error {
	err := unix.Mkdirat(d.fd, notifyDir, 0o755)
	if err == nil {
		err = unix.Fchmodat(d.fd, notifyDir, 0o755, 0) // whatever the umask
	}
	if err != nil {
		return &fault.Error{Op: "create", Path: d.NotifyPath(), Err: err}
	}
	return nil
}

// OpenNotify opens that directory; ENOENT where the container has none. The descriptor is the caller's.
func (d *Dir) OpenNotify() (int, error) {
	return unix.Openat(d.fd, notifyDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// NotifyPath is the path of that directory.
func (d *Dir) NotifyPath() string { return NotifyPath(d.root.Path, d.ID) }

// NotifyPath is the path of that directory of a container below a runtime root.
func NotifyPath(root, id string) string { return filepath.Join(root, id, notifyDir) }

// CacheDir is that of the runtime root.
func (d *Dir) CacheDir() string { return d.root.CacheDir() }

// Remove removes the directory and what we put into it. It is idempotent.
func (d *Dir) Remove() error {
	for _, name := range []string{"start", "config.json", "config.json.new", "resources.json", "resources.json.new", "state.json.new", "state.json"} {
		if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
			return &fault.Error{Op: "remove", Path: d.path(name), Err: err}
		}
	}
	err := unix.Unlinkat(d.root.fd, d.ID, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY { // few containers have this directory
		unix.Unlinkat(d.fd, notifySocket, 0)
		unix.Unlinkat(d.fd, notifyDir, unix.AT_REMOVEDIR)
		err = unix.Unlinkat(d.root.fd, d.ID, unix.AT_REMOVEDIR)
	}
	if err == unix.ENOTEMPTY {
		return &fault.Error{Op: "remove", Path: d.path(""), Err: err, Hint: "what is left in it is not tare's; all else is removed"}
	}
	if err != nil && err != unix.ENOENT {
		return &fault.Error{Op: "remove", Path: d.path(""), Err: err}
	}
	return nil
}

func (d *Dir) path(name string) string { return filepath.Join(d.root.Path, d.ID, name) }

// write replaces a file atomically. There is no fsync: the root lies on a tmpfs, and after a reboot it means nothing.
func (d *Dir) write(name string, content []byte) error {
	temporary := name + ".new"
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(d.fd, temporary, flags, 0o600)
	if err != nil {
		return &fault.Error{Op: "create", Path: d.path(temporary), Err: err}
	}
	for rest := content; len(rest) > 0 && err == nil; {
		var n int
		if n, err = unix.Write(fd, rest); err == unix.EINTR {
			err = nil
			continue
		}
		rest = rest[max(n, 0):]
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Renameat(d.fd, temporary, d.fd, name)
	}
	if err != nil {
		unix.Unlinkat(d.fd, temporary, 0)
		return &fault.Error{Op: "write", Path: d.path(name), Err: err}
	}
	return nil
}

// read reads a whole file of at most limit bytes.
func (d *Dir) read(name string, limit int64) ([]byte, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, d.unreadable(name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fault.Error{Op: "stat", Path: d.path(name), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > limit {
		return nil, d.unreadable(name, fault.Text("not a regular file of at most "+strconv.FormatInt(limit, 10)+" bytes"))
	}
	b := make([]byte, st.Size)
	for n := 0; n < len(b); {
		k, err := unix.Read(fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fault.Error{Op: "read", Path: d.path(name), Err: err}
		}
		if k == 0 {
			return b[:n], nil
		}
		n += k
	}
	return b, nil
}

// byHand is for a record that is there and says nothing. To remove its directory without looking for what runs would be to
// forget a container that may be in somebody's way, and to guess what it owned could end somebody else's.
const byHand = "kill its processes and remove its cgroup, which config.json beside it may name, then remove the directory"

// unreadable is the error of a file that ought to be there. Without a record there is nothing else either; any other file is not
// needed to remove a container.
func (d *Dir) unreadable(name string, err error) error {
	e := &fault.Error{Op: "open", Path: d.path(name), Err: err, Hint: `"delete --force" removes the container`}
	if name == "state.json" && err != unix.ENOENT {
		e.Hint = byHand
	}
	return e
}

// Busy says whether another verb holds the lock right now. It is asked by readers, which take no lock.
func (d *Dir) Busy() bool {
	if err := unix.Flock(d.fd, unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return true
	}
	unix.Flock(d.fd, unix.LOCK_UN)
	return false
}
